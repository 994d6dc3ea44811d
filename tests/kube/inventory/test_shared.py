"""One index for all that ask the same of an inventory file."""

from __future__ import annotations

from pathlib import Path

from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.inventory import file
from pipeline.kube.inventory.shared import inventory

PLAIN = IndexOptions()
PODS = [
    {"kind": "Pod", "metadata": {"name": name}, "status": {"podIPs": [{"ip": "10.1.1.1"}]}}
    for name in ("a", "bb")
]


def test_a_file_is_read_once_while_it_is_used_and_unchanged(tmp_path: Path) -> None:
    """By whatever name; other options make another index."""
    path = tmp_path / "kube.json"
    file.write(PODS[:1], path)
    first = inventory(path, PLAIN)
    assert inventory(tmp_path / "." / "kube.json", PLAIN) is first
    assert inventory(path, IndexOptions(annotations=True)) is not first
    file.write(PODS, path)
    second = inventory(path, PLAIN)
    assert second is not first
    assert (len(first.index), len(second.index), second.problems) == (1, 2, [])
