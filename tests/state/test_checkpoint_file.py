"""The state on disk: whole or not at all, and only for what has not changed."""

from pathlib import Path

import msgspec
import polars as pl
import pytest

from pipeline.stage import VALUE, Delta, Family, Kind, Policy
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import CheckpointError, FileCheckpoint, Progress
from pipeline.state.ledger import Ledger

FAMILY = Family("flows", Kind.COUNTER, ("a",))


def ledger(family: Family = FAMILY) -> Ledger:
    return Ledger({family.name: (family, Policy("stage", max_series_per_metric=1))})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    full = ledger()
    full.merge([Delta(FAMILY, pl.DataFrame({"a": ["x", "y"], VALUE: [1.0, 2.0]}))], 5.0)
    progress = {"in": Progress.start([b"one", b"two"])}
    checkpoint_file.save(tmp_path / "state", full, FileCheckpoint(progress, 7))
    return tmp_path / "state"


def test_what_was_saved_comes_back(saved: Path) -> None:
    fresh = ledger()
    loaded = checkpoint_file.load(saved, fresh)
    assert loaded.dead_letters == 7
    assert loaded.progress == {"in": Progress.start([b"one", b"two"])}
    series = fresh.tables()[0].series()
    assert series.rows() == [("x", 1.0, 5.0, 5.0, 5.0), ("__overflow__", 2.0, 5.0, 5.0, 5.0)]
    assert checkpoint_file.tables(saved)[0][1].rows() == series.rows()
    assert [path.name for path in saved.iterdir()] == ["ledger.checkpoint"]


@pytest.mark.parametrize(
    "family",
    [Family("flows", Kind.COUNTER, ("b",)), msgspec.structs.replace(FAMILY, chain="other")],
)
def test_a_changed_family_starts_again(
    saved: Path, family: Family, caplog: pytest.LogCaptureFixture
) -> None:
    changed = ledger(family)
    checkpoint_file.load(saved, changed)
    assert changed.tables()[0].series().height == 0
    assert caplog.messages == ["metric flows has changed: it starts again from zero"]


def test_an_empty_folder_is_an_empty_state(tmp_path: Path) -> None:
    assert checkpoint_file.load(tmp_path, ledger()) == FileCheckpoint()
    with pytest.raises(CheckpointError, match="no state in"):
        checkpoint_file.tables(tmp_path)


def test_a_state_of_another_version_is_refused(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_file, "_VERSION", 99)
    with pytest.raises(CheckpointError, match=r"by another version \(2\): delete it to start"):
        checkpoint_file.load(saved, ledger())


def test_a_damaged_file_is_named(saved: Path) -> None:
    path = saved / "ledger.checkpoint"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=r"cannot read the state .*ledger\.checkpoint"):
        checkpoint_file.load(saved, ledger())


def test_without_the_last_message() -> None:
    short = msgspec.structs.replace(Progress.start([b"a", b"b"]), messages=2)
    left = short.without_last([b"a", b"b"])
    assert left == msgspec.structs.replace(Progress.start([b"a"]), messages=1)
    assert left.continues([b"a", b"bc", b"d"])
    assert left.without_last([b"a"]) == Progress.start([])
    many = [b"%d" % n for n in range(1500)]
    long = msgspec.structs.replace(Progress.start(many), messages=1500)
    assert long.without_last(many[:1000]) == msgspec.structs.replace(long, messages=1499)


def test_an_input_is_known_by_its_opening() -> None:
    counted = Progress(messages=5, opening=2, head=checkpoint_file.digest([b"one", b"two"]))
    assert counted.continues([b"one", b"two", b"three"])
    assert not counted.continues([b"one", b"2"])
    assert not counted.continues([b"onet", b"wo"])
    assert not Progress.start([b"one"]).continues([b"one"])
