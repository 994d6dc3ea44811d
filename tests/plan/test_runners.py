"""The accounts of one stage: in = out + filtered + rejected."""

from __future__ import annotations

import msgspec
import polars as pl

from pipeline.flows.values import PART
from pipeline.plan import runners
from pipeline.plan.outcome import Counts, Reject
from pipeline.stage import VALUE, BuildContext, Delta, Encoded, Family, Kind, RejectedValue
from pipeline.stage.keys import Keyed, hashed
from pipeline.testing import frame, rows
from stages.timebased import Timebased
from stages.write_stdout import WriteStdout

FLOWS = frame([{"A": "x"}, {"A": "y"}, {"A": "z"}])


def test_a_transform_filters_what_does_not_come_out() -> None:
    result = runners.transform(lambda flows: flows.head(1))(FLOWS)
    assert result.counts == Counts(3, 1, filtered=2)
    assert result.frame is not None
    assert rows(result.frame) == [{"A": "x"}]


def test_a_transform_may_give_more_rows() -> None:
    result = runners.transform(lambda flows: flows.vstack(flows))(FLOWS)
    assert result.counts == Counts(3, 6, filtered=0)


def test_an_encoder_has_each_flow_once_for_each_family() -> None:
    value = RejectedValue(1, "y is negative", "NegativeValueError", "m", "A")
    result = runners.encoder("e", lambda _: Encoded([], 2, (value,)), 2)(FLOWS)
    assert result.counts == Counts(6, 3, filtered=2, rejected=1)
    assert result.rejects == [
        Reject("e", "y is negative", b'{"A":"y"}', -1, "NegativeValueError", "m", "A")
    ]


def test_a_writer_gives_records() -> None:
    spec = WriteStdout(name="out", follows="in")
    result = runners.writer(spec, lambda flows: ["line"] * flows.height)(FLOWS)
    assert (result.counts, result.records) == (Counts(3, 3), [(spec, ["line"] * 3)])


def test_a_stage_that_remembers_says_what_was_filtered_and_rejected() -> None:
    """It gives a change of its memory, which is not adopted by running it."""
    spec = msgspec.convert(
        {
            "name": "t",
            "type": "timebased",
            "rules": [{"name": "r", "by": ["A"], "operation": "count", "value": "B"}],
        },
        Timebased,
    )
    stage = spec.build(BuildContext())
    memory = stage.begin()
    flows = frame([{"A": "x", "B": 1}, {"A": "y"}, {"B": 1}])
    result = runners.stateful("t", stage, flows, memory, 0.0)
    assert result.counts == Counts(3, 1, filtered=0, rejected=1)
    assert result.rejects == [Reject("t", "the flow does not have its value", b'{"A":"y"}')]
    assert memory.alive == 0
    assert result.change is not None
    memory.adopt(result.change)
    assert memory.alive == 1


def test_each_part_by_itself_keeps_labels_that_are_made_later() -> None:
    """An encoder that does not know of parts, and gives its labels by keys."""
    family = Family("m", Kind.COUNTER, ("A",))

    def encode(flows: pl.DataFrame) -> Encoded:
        named = flows.select("A")
        keyed = Keyed(
            hashed(named), named.__getitem__, lambda told: told, lambda told: (told, told)
        )
        return Encoded([Delta(family, flows.select(pl.lit(1.0).alias(VALUE)), keyed)])

    parts = pl.Series(PART, [0, 1, 1], dtype=pl.UInt32)
    deltas = runners.each_part(encode)(FLOWS.with_columns(parts)).deltas
    first = pl.Series([0], dtype=pl.UInt32)
    labels = [delta.keyed.told(first).item() for delta in deltas if delta.keyed]
    assert labels == ["x", "y"]
    assert [delta.series[PART].to_list() for delta in deltas] == [[0], [1]]
