"""What to send: datasets, prompts and their token counts."""

from pytest_npuperf.workload.audio import Audio
from pytest_npuperf.workload.conversation import Conversation
from pytest_npuperf.workload.csv import Csv
from pytest_npuperf.workload.datasets import (
    Dataset,
    is_made_to_measure,
    parse_dataset,
    prompts,
    shares_prefixes,
)
from pytest_npuperf.workload.gauge import ESTIMATE, Gauge
from pytest_npuperf.workload.gsm8k import Gsm8k
from pytest_npuperf.workload.gsm8k_shaped import Gsm8kShaped
from pytest_npuperf.workload.images import ImageFolder, Images
from pytest_npuperf.workload.jsonl import Jsonl
from pytest_npuperf.workload.mooncake import Mooncake
from pytest_npuperf.workload.multimodal import Multimodal
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.sharegpt import ShareGpt
from pytest_npuperf.workload.synthetic import Synthetic
from pytest_npuperf.workload.text import Text
from pytest_npuperf.workload.video import VideoFile

__all__ = [
    "ESTIMATE",
    "Audio",
    "Conversation",
    "Csv",
    "Dataset",
    "Gauge",
    "Gsm8k",
    "Gsm8kShaped",
    "ImageFolder",
    "Images",
    "Jsonl",
    "Mooncake",
    "Multimodal",
    "Prompt",
    "ShareGpt",
    "Synthetic",
    "Text",
    "VideoFile",
    "is_made_to_measure",
    "parse_dataset",
    "prompts",
    "shares_prefixes",
]
