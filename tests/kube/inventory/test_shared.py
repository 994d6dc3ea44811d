"""One index for all that ask the same of one file, as long as the file is the same."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path

from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.inventory import shared
from pipeline.kube.inventory.shared import inventory


def write(path: Path, name: str) -> None:
    pod = {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop"},
        "status": {"podIPs": [{"ip": "10.0.0.1"}]},
    }
    path.write_text(json.dumps(pod))


def test_the_same_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "kube.json"
    write(path, "web")
    first = inventory(path, IndexOptions())
    assert inventory(tmp_path / "x" / ".." / "kube.json", IndexOptions()) is first
    assert inventory(path, IndexOptions(annotations=True)) is not first


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "kube.json"
    write(path, "web")
    first = inventory(path, IndexOptions())
    write(path, "web-2")
    os.utime(path, (1, 1))
    assert inventory(path, IndexOptions()).index is not first.index


def test_nothing_is_kept_that_nobody_uses(tmp_path: Path) -> None:
    path = tmp_path / "kube.json"
    write(path, "web")
    gc.collect()
    before = len(shared._read)
    found = inventory(path, IndexOptions())
    assert len(shared._read) == before + 1
    del found
    gc.collect()
    assert len(shared._read) == before


def test_a_loop_of_links_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (problem,) = inventory(tmp_path / "loop", IndexOptions()).problems
    assert "symbolic links" in problem.message
