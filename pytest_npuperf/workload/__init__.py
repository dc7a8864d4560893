"""What to send: datasets, prompts and their token counts."""

from pytest_npuperf.workload.datasets import Dataset, parse_dataset, prompts
from pytest_npuperf.workload.gsm8k import Gsm8k
from pytest_npuperf.workload.gsm8k_shaped import Gsm8kShaped
from pytest_npuperf.workload.prompt import Prompt
from pytest_npuperf.workload.synthetic import Synthetic

__all__ = ["Dataset", "Gsm8k", "Gsm8kShaped", "Prompt", "Synthetic", "parse_dataset", "prompts"]
