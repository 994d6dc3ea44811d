"""States that are not whole, not ours or of another time: which record, and why."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import polars as pl
import pytest

from pipeline.decode.splitting import Damaged
from pipeline.stage import VALUE, Delta, Family, Kind, Policy
from pipeline.state.changelog import ChangelogError, CheckpointRecords, Epoch, Writer
from pipeline.state.changelog_reader import read
from pipeline.state.changes import PLACE
from pipeline.state.checkpoint_file import pack, unpack
from pipeline.state.ledger import Ledger
from pipeline.state.sealed import seal, unseal

FLOWS = Family("flows", Kind.COUNTER, ("ns",))
BYTES = Family("bytes", Kind.COUNTER, ("ns",))
FAMILIES = {family.name: (family, Policy("g")) for family in (FLOWS, BYTES)}


def count(ledger: Ledger, names: list[str], now: float) -> None:
    series = pl.DataFrame({"ns": names, VALUE: [1.0] * len(names)})
    ledger.merge([Delta(FLOWS, series)], now)


def values(checkpoint: CheckpointRecords) -> dict[bytes, bytes]:
    """Its records by key, without deletions."""
    found = (*checkpoint.parts, checkpoint.manifest)
    return {key: value for key, value in found if value is not None}


def written(names: list[str], position: int) -> dict[bytes, bytes]:
    """The records of a first checkpoint."""
    ledger = Ledger(FAMILIES)
    count(ledger, names, 1.0)
    return values(Writer(Epoch(1, 1)).checkpoint(ledger.tables(), position, 1.0))


@pytest.fixture
def whole() -> dict[bytes, bytes]:
    """The records of a state: a manifest and a part of labels and values."""
    return written(["a"], 10)


MANIFEST, LABELS = b"1.1/manifest", b"1.1/flows/0/labels/a/0"
VALUES = b"1.1/flows/0/values/a/0"


def refused(records: dict[bytes, bytes]) -> tuple[bytes, str]:
    """The key and the reason of what is wrong with records."""
    with pytest.raises(ChangelogError) as error:
        read(records)
    return error.value.key, str(error.value)


@pytest.mark.parametrize("key", [MANIFEST, LABELS, VALUES])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda value: value[:-1], "it is cut"),
        (lambda value: value[:10], "it ends after 10 bytes, inside its head"),
        (lambda value: value[:-1] + bytes([value[-1] ^ 1]), "it is damaged: its checksum"),
        (lambda value: value + b"x", "it is damaged: its checksum"),
        (lambda _: b'{"a":1}', "it is not a state of flowmatrix"),
        (lambda _: b"", "it is not a state of flowmatrix"),
        (lambda value: seal(value, 5), r"by a newer flowmatrix (version 5, not 4)"),
        (lambda _: seal(b"\xc1", 4), "it is not a "),
    ],
)
def test_a_record_that_is_damaged_or_foreign_is_refused(
    whole: dict[bytes, bytes], key: bytes, damage: Callable[[bytes], bytes], reason: str
) -> None:
    """Each byte is verified before anything of it is read; the error names the record."""
    found, said = refused(whole | {key: damage(whole[key])})
    assert found == key
    assert reason in said


@pytest.mark.parametrize("key", [LABELS, VALUES])
def test_a_record_that_is_missing_is_refused(whole: dict[bytes, bytes], key: bytes) -> None:
    del whole[key]
    assert refused(whole) == (key, "it is missing")


@pytest.mark.parametrize("key", [b"", b"x", b"1/manifest", b"a.b/manifest", b"\xff"])
def test_a_record_with_another_key_is_refused(whole: dict[bytes, bytes], key: bytes) -> None:
    """Somebody else writes to the topic."""
    assert refused(whole | {key: b"{}"}) == (key, "it is not a record of flowmatrix")


@pytest.mark.parametrize("version", [2, 3])
def test_a_state_of_an_older_version_is_known(version: int) -> None:
    """It had no head, and says its version first."""
    old = {"version": version, "position": 7, "families": [], "parts": [], "topic_id": ""}
    key, reason = refused({MANIFEST: msgspec.msgpack.encode(old)})
    assert (key, reason) == (
        MANIFEST,
        f"it was written by an older flowmatrix (version {version}, not 4)",
    )


def test_what_the_manifest_does_not_name_may_be_damaged(whole: dict[bytes, bytes]) -> None:
    """A part that was replaced, or of an earlier owner: it is not read, and deleted next."""
    state = read(whole | {b"0.7/flows/0/values/b/0": b"?"})
    assert state.position == 10
    assert b"0.7/flows/0/values/b/0" in state.keys


def test_a_part_of_another_size_is_refused(whole: dict[bytes, bytes]) -> None:
    """As when a slot holds what was written later, or before."""
    key, reason = refused(whole | {VALUES: written(["a", "b"], 20)[VALUES]})
    assert (key, reason) == (VALUES, "it has 2 series where the manifest says 1")


def test_a_part_under_the_key_of_another_is_refused(whole: dict[bytes, bytes]) -> None:
    """Each is whole, and has as many rows as the manifest says."""
    key, reason = refused(whole | {VALUES: whole[LABELS]})
    assert key.endswith(b"/manifest")
    assert "the parts that it names do not belong together: " in reason


def test_a_record_batch_that_is_damaged_is_refused(whole: dict[bytes, bytes]) -> None:
    """Whatever its records were: they may have been part of the state."""
    damaged = Damaged.because(b"x", "the record batch of offsets 2 to 3 is damaged", last=False)
    assert refused(whole | {b"": damaged}) == (b"", damaged.reason)


def test_a_change_of_a_series_that_is_not_there_is_refused() -> None:
    """As when the labels and values of a family are of another state than its changes."""
    ledger, writer = Ledger(FAMILIES), Writer(Epoch(1, 1))
    records: dict[bytes, bytes] = {}
    for number, names in enumerate([[str(n) for n in range(3_000)], ["2999"]], 1):
        count(ledger, names, float(number))
        records |= values(writer.checkpoint(ledger.tables(), number, float(number)))
    (saved,) = read(records).families
    assert saved.totals.filter(ns="2999")[VALUE].item() == 2
    key = b"1.1/flows/0/changes/a/0"
    frame = unpack(unseal(records[key], 4)).with_columns(pl.lit(3_000, pl.UInt32).alias(PLACE))
    found = refused(records | {key: seal(pack(frame), 4)})
    assert found == (key, "it has series that are not in the state")
