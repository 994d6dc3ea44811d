"""The state on disk: whole or not at all, and only for what has not changed."""

from pathlib import Path

import msgspec
import polars as pl
import pytest

from pipeline.stage import VALUE, Delta, Family, Kind, Policy, Rule
from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import CheckpointError, FileCheckpoint, Progress, pack
from pipeline.state.ledger import Ledger
from pipeline.state.sealed import seal, unseal

FAMILY = Family("flows", Kind.COUNTER, ("a",))
SERIES = pl.DataFrame({"a": ["x"], VALUE: [1.0]})


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
def test_a_changed_family_has_no_counts(saved: Path, family: Family) -> None:
    changed = ledger(family)
    loaded = checkpoint_file.load(saved, changed)
    assert changed.tables()[0].series().height == 0
    assert (loaded.changed, loaded.added) == (frozenset({"flows"}), frozenset())


def test_a_new_family_is_told(saved: Path) -> None:
    """One that was left out of the state is new as well."""
    new = msgspec.structs.replace(FAMILY, name="more")
    loaded = checkpoint_file.load(saved, ledger(new))
    assert (loaded.changed, loaded.added) == (frozenset(), frozenset({"more"}))
    checkpoint_file.save(saved, ledger(), FileCheckpoint(), {"flows"})
    assert checkpoint_file.load(saved, ledger()).added == {"flows"}


def test_an_empty_folder_is_an_empty_state(tmp_path: Path) -> None:
    assert checkpoint_file.load(tmp_path, ledger()) == FileCheckpoint()
    with pytest.raises(CheckpointError, match="there is no state in"):
        checkpoint_file.tables(tmp_path)


def refused(folder: Path) -> str:
    """Why a state folder is not read, by a run and by a reader."""
    with pytest.raises(CheckpointError) as caught:
        checkpoint_file.load(folder, ledger())
    with pytest.raises(CheckpointError) as other:
        checkpoint_file.tables(folder)
    assert str(other.value) == str(caught.value)
    return str(caught.value)


@pytest.mark.slow
def test_a_flipped_bit_is_recognised_wherever_it_is(saved: Path) -> None:
    """None reaches a parser: one could end the process, or give other counts."""
    path = saved / "ledger.checkpoint"
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            with pytest.raises(
                CheckpointError, match=r"cannot read the state .*ledger\.checkpoint"
            ):
                checkpoint_file.load(saved, ledger())


def test_a_damaged_state_is_refused_with_what_to_do(saved: Path) -> None:
    path = saved / "ledger.checkpoint"
    whole = path.read_bytes()
    head = f"cannot read the state {path}: "
    advice = f"; to start from zero, delete {path}"
    for data, why in (
        (whole[:-9] + b"123456789", "it is damaged: its checksum does not agree with its content"),
        (whole + b"1", "it is damaged: its checksum does not agree with its content"),
        (whole[:-9], f"it is cut: {len(whole) - 56} of {len(whole) - 47} bytes are there"),
        (whole[:30], "it ends after 30 bytes, inside its head"),
        (b"", "it is not a state of flowmatrix"),
        (b"PK" + bytes(100), "it is not a state of flowmatrix"),
    ):
        path.write_bytes(data)
        assert refused(saved) == head + why + advice


def test_the_state_before_is_kept_and_offered(saved: Path) -> None:
    """Moved into its place, it is read."""
    path, before = saved / "ledger.checkpoint", saved / "ledger.checkpoint.before"
    counted = msgspec.structs.replace(Progress.start([b"one"]), messages=5)
    for amount in (3.0, 4.0):
        more = ledger()
        more.merge([Delta(FAMILY, pl.DataFrame({"a": ["x"], VALUE: [amount]}))], 5.0)
        checkpoint_file.save(saved, more, FileCheckpoint({"in": counted}))
    path.write_bytes(path.read_bytes()[:-1])
    assert refused(saved).endswith(
        f"; the state before it is whole (5 messages): to go on from that, move {before} to {path};"
        " to start from zero, delete both"
    )
    before.replace(path)
    [(_, series)] = checkpoint_file.tables(saved)
    assert series[VALUE].to_list() == [3.0]


def test_of_two_damaged_states_none_is_offered(saved: Path) -> None:
    path = saved / "ledger.checkpoint"
    (saved / "ledger.checkpoint.before").write_bytes(path.read_bytes()[:-1])
    path.write_bytes(path.read_bytes()[:-1])
    assert refused(saved).endswith(f"; to start from zero, delete {path}")


def test_a_state_of_another_version_is_refused(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_file, "_VERSION", 99)
    assert "it was written by an older flowmatrix (version 3, not 99)" in refused(saved)
    monkeypatch.setattr(checkpoint_file, "_VERSION", 1)
    assert "it was written by a newer flowmatrix (version 3, not 1)" in refused(saved)


def test_a_state_without_a_checksum_is_refused(tmp_path: Path) -> None:
    """One of version 2 had none: a flipped bit was other counts, or a crash."""
    (tmp_path / "ledger.checkpoint").write_bytes(b"\x84\xa7version\x02\xa8progress and more")
    assert refused(tmp_path) == (
        f"cannot read the state {tmp_path}/ledger.checkpoint: it was written by an older "
        "flowmatrix (version 2), without a checksum; to start from zero, delete "
        f"{tmp_path}/ledger.checkpoint"
    )


@pytest.mark.parametrize(
    ("totals", "why"),
    [
        (b"x" * 50, "Expected to read 2021161080 metadata bytes, but only read 46"),
        (pack(SERIES)[:-9], "Expected to be able to read"),
        (pack(pl.DataFrame({"b": [1]})), "metric flows has other columns than it says"),
        (pack(SERIES.cast(pl.String)), "metric flows has other columns than it says"),
    ],
)
def test_a_whole_file_of_other_tables_is_refused(saved: Path, totals: bytes, why: str) -> None:
    """Its checksum is right, as whoever has the program can make one."""
    path = saved / "ledger.checkpoint"
    content = msgspec.msgpack.decode(unseal(path.read_bytes(), 3))
    content["tables"][0]["totals"] = totals
    path.write_bytes(seal(msgspec.msgpack.encode(content), 3))
    said = refused(saved)
    assert said.startswith(f"cannot read the state {path}: {why}")
    assert said.endswith(f"; to start from zero, delete {path}")


@pytest.mark.parametrize("field", ["messages", "opening", "before"])
def test_a_progress_before_the_start_is_refused(saved: Path, field: str) -> None:
    """Messages would be counted twice."""
    path = saved / "ledger.checkpoint"
    content = msgspec.msgpack.decode(unseal(path.read_bytes(), 3))
    content["progress"]["in"][field] = -5
    path.write_bytes(seal(msgspec.msgpack.encode(content), 3))
    assert "Expected `int` >= 0 - at `$.progress" in refused(saved)


def test_the_file_is_its_owners_alone(saved: Path) -> None:
    assert (saved / "ledger.checkpoint").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(CheckpointError, match=r"cannot write the state in .*state: File exists"):
        checkpoint_file.save(tmp_path / "state", ledger(), FileCheckpoint())


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


def test_facts_come_back(tmp_path: Path) -> None:
    family = Family("f", None, ("a",), facts=(("n", Rule.SUM), ("least", Rule.MIN)))
    full = Ledger({"f": (family, Policy("stage"))})
    columns = {"a": ["x", "y"], "n": [2**62, 1], "least": [None, 7]}
    full.merge([Delta(family, pl.DataFrame(columns))], 5.0)
    checkpoint_file.save(tmp_path, full, FileCheckpoint())
    fresh = Ledger({"f": (family, Policy("stage"))})
    checkpoint_file.load(tmp_path, fresh)
    rows = [("x", 2**62, None, 5.0, 5.0, 5.0), ("y", 1, 7, 5.0, 5.0, 5.0)]
    assert fresh.tables()[0].series().rows() == rows
    [(saved, series)] = checkpoint_file.tables(tmp_path)
    assert (saved, series.rows()) == (family, rows)
