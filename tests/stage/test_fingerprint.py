from __future__ import annotations

from pathlib import Path

from pipeline.stage.fingerprint import fingerprints


def test_a_change_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "a"
    none = fingerprints([file])
    assert none == ((str(file), 0, 0, 0),)
    file.write_text("1")
    first = fingerprints([file])
    assert first == fingerprints([file])
    assert first != none
    file.write_text("12")
    assert fingerprints([file]) != first


def test_a_config_map_is_changed_by_its_link(tmp_path: Path) -> None:
    """The kubelet writes a new folder and turns the link `..data` to it."""
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "config.yaml").write_text("same")
    data = tmp_path / "..data"
    data.symlink_to("one")
    file = tmp_path / "config.yaml"
    file.symlink_to("..data/config.yaml")
    before = fingerprints([file])
    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").rename(data)
    assert fingerprints([file]) != before
