from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_npuperf.adapter.checks import MAX_MODEL_BYTES, check_model, check_script, weigh
from pytest_npuperf.errors import AdapterError


def sparse(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, size)
    return path


def test_script_is_found_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "deploy.sh").touch()
    assert check_script(tmp_path) == tmp_path / "deploy.sh"


def test_missing_script_says_what_the_repository_needs(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=rf"{tmp_path} holds no file deploy\.sh.*--npuperf-adapter"):
        check_script(tmp_path)


def test_weight_is_the_sum_of_all_files(tmp_path: Path) -> None:
    sparse(tmp_path / "a.safetensors", 1000)
    sparse(tmp_path / "deep" / "er" / "b.safetensors", 10)
    assert weigh(tmp_path) == 1010


def test_a_single_file_is_weighed(tmp_path: Path) -> None:
    assert weigh(sparse(tmp_path / "model.gguf", 7)) == 7


def test_links_count_as_the_file_they_name_and_each_file_once(tmp_path: Path) -> None:
    blob = sparse(tmp_path / "blobs" / "1a2b", 1000)
    snapshot = tmp_path / "snapshots" / "main"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to(blob)
    (snapshot / "copy.safetensors").hardlink_to(blob)
    assert weigh(snapshot) == 1000
    assert weigh(tmp_path) == 1000


def test_a_directory_that_links_to_itself_is_weighed_once(tmp_path: Path) -> None:
    sparse(tmp_path / "a", 5)
    (tmp_path / "again").symlink_to(tmp_path)
    assert weigh(tmp_path) == 5


def test_the_history_of_a_clone_is_left_out(tmp_path: Path) -> None:
    sparse(tmp_path / "model.safetensors", 1000)
    sparse(tmp_path / ".git" / "lfs" / "objects" / "1a2b", 1000)
    assert weigh(tmp_path) == 1000


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"nowhere cannot be weighed: No such file.*--npuperf-model"):
        check_model(tmp_path / "nowhere")


def test_weights_at_the_limit_pass(tmp_path: Path) -> None:
    sparse(tmp_path / "a", MAX_MODEL_BYTES)
    check_model(tmp_path)


def test_weights_over_the_limit_stop_with_the_size_found(tmp_path: Path) -> None:
    sparse(tmp_path / "a", 60 * 10**9)
    sparse(tmp_path / "b", 41 * 10**9)
    with pytest.raises(AdapterError, match=r"take 101\.00 GB \(101000000000 bytes\).* allows 100 GB\. Pass"):
        check_model(tmp_path)
