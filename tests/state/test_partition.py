from __future__ import annotations

import itertools

import msgspec
import polars as pl

from pipeline.stage import VALUE, Delta, Family, Kind, Policy
from pipeline.state.changelog import CheckpointRecords, Epoch, Manifest, State
from pipeline.state.partition import Partition
from pipeline.state.sealed import unseal
from pipeline.state.series_rows import LAST_COUNTED

FLOWS = Family("flows", Kind.COUNTER, ("ns",))
FAMILIES = {"flows": (FLOWS, Policy("g"))}
EMPTY = State(None, [], 0, frozenset())


def delta(*names: str) -> list[Delta]:
    return [Delta(FLOWS, pl.DataFrame({"ns": names, VALUE: [1.0] * len(names)}))]


def manifest(checkpoint: CheckpointRecords) -> Manifest:
    return msgspec.msgpack.decode(unseal(checkpoint.manifest[1] or b"", 4), type=Manifest)


def held(partition: Partition) -> dict[str, float]:
    return dict(partition.tables()[0].series().select("ns", VALUE).iter_rows())


def test_the_three_stages_of_a_delta() -> None:
    partition = Partition(FAMILIES, 0, Epoch(1, 4), EMPTY, 10)
    assert partition.dirty
    partition.count(delta("a", "b"), 12, 1.0)
    checkpoint = partition.packed(partition.snapshot())
    assert (partition.position, checkpoint.position, held(partition)) == (12, 12, {})
    partition.count(delta("a"), 13, 1.0)
    assert partition.confirmed(10) == []
    partition.delivered(checkpoint)
    assert (partition.durable, held(partition)) == (12, {"a": 1, "b": 1})
    (shown,) = partition.confirmed(12)
    assert shown.values[LAST_COUNTED].to_list() == [1.0, 1.0]
    assert partition.confirmed(12) == []
    assert partition.dirty
    second = partition.packed(partition.snapshot())
    assert len(second.parts) == 1
    partition.delivered(second)
    assert not partition.dirty
    assert held(partition) == {"a": 2, "b": 1}


def test_what_starts_again_is_not_shown() -> None:
    partition = Partition(FAMILIES, 0, Epoch(1, 4), EMPTY, 0)
    partition.count(delta("a"), 1, 1.0)
    checkpoint = partition.packed(partition.snapshot())
    partition.adopt(FAMILIES, set(), 0)
    partition.delivered(checkpoint)
    assert partition.confirmed(1) == []
    assert partition.dirty
    partition.delivered(partition.packed(partition.snapshot()))
    assert held(partition) == {}


def test_a_plan_that_is_taken_while_a_checkpoint_is_packed() -> None:
    other = Family("other", Kind.COUNTER, ("ns",))
    both = {**FAMILIES, "other": (other, Policy("g"))}
    partition = Partition(both, 0, Epoch(1, 4), EMPTY, 0)
    partition.count([*delta("a"), Delta(other, delta("b")[0].series)], 1, 1.0)
    cut = partition.snapshot()
    partition.count(delta("a"), 2, 2.0)
    partition.adopt(both, {"other"}, 0)
    checkpoint = partition.packed(cut)
    assert manifest(checkpoint).position == 1
    partition.delivered(checkpoint)
    flows, others = partition.tables()
    assert (flows.size, others.series()[VALUE].to_list()) == (0, [1.0])
    partition.count(delta("c"), 3, 3.0)
    again = partition.packed(partition.snapshot())
    rows = {(part.family, part.what): part.rows for part in manifest(again).parts}
    assert rows == dict.fromkeys(itertools.product(both, ("labels", "values")), 1)
    partition.delivered(again)
    assert held(partition) == {"c": 1}
