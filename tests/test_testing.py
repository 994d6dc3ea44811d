"""What authors of stages test with: frames as a plan gives them, and laws that find violations."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from pipeline.flows import values
from pipeline.stage import BuildContext, Step, Transform
from pipeline.testing import Flow, answers, assert_laws, frame, numbered, rows, run
from stages.encode_prometheus import EncodePrometheus, Metric
from stages.rules.stage import KeepQuery, Rules
from stages.write_stdout import WriteStdout

FLOWS: list[Flow] = [{"DstPort": port, "A": text} for port in (53, 443) for text in ("x", 1, None)]


def test_a_frame_and_back() -> None:
    """A value that is not of its field's type, an explicit null and an absent field stay such."""
    flows: list[Flow] = [{"DstPort": 53, "A": [1, "b"]}, {}, {"DstPort": "http", "A": None}]
    made = frame(flows, first=7)
    assert rows(made) == flows
    assert made["DstPort"].to_list() == [53, None, None]
    assert made[values.overflow("DstPort")].to_list() == [None, None, '"http"']
    assert made[values.NUMBER].to_list() == [7, 8, 9]
    assert rows(frame([{}, {}])) == [{}, {}]


def test_run_builds_a_transform() -> None:
    found = run(Rules(name="r", rules=[]), FLOWS)
    assert found == run(lambda flows: flows, FLOWS) == FLOWS


def first_only(flows: pl.DataFrame) -> pl.DataFrame:
    return flows.head(1)


def backwards(flows: pl.DataFrame) -> pl.DataFrame:
    return flows.reverse()


def remembering() -> Step:
    seen: list[int] = []

    def step(flows: pl.DataFrame) -> pl.DataFrame:
        seen.append(flows.height)
        return flows.with_columns(pl.lit(float(len(seen))).alias("batch"))

    return step


class Remembering(Transform, frozen=True, kw_only=True, tag="test_remembering"):
    """Keeps something from batch to batch."""

    def build(self, context: BuildContext) -> Step:
        return remembering()


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (first_only, "in 3 batches"),
        (backwards, "in 3 batches"),
        (Remembering(name="s"), "in 3 batches"),
    ],
)
def test_a_step_that_depends_on_its_batches_is_found(
    stage: Transform | Callable[[pl.DataFrame], pl.DataFrame], said: str
) -> None:
    with pytest.raises(AssertionError, match=said):
        assert_laws(stage, FLOWS, 2, 4)


def test_a_step_that_changes_the_order_is_found() -> None:
    """Without a cut, too."""
    with pytest.raises(AssertionError, match=r"out of order: \[5.0, 4.0"):
        assert_laws(backwards, FLOWS)


def test_stages_of_every_role_keep_the_laws() -> None:
    keep = KeepQuery(query="with(n)", sampling=2)
    assert_laws(Rules(name="r", rules=[keep]), FLOWS * 20, 1, 50)
    assert_laws(WriteStdout(name="w"), FLOWS, 3)
    encoder = EncodePrometheus(name="e", metrics=[Metric(name="m", value="A", labels=["DstPort"])])
    assert_laws(encoder, FLOWS, 1, 2, 5)
    assert list(answers(encoder, [numbered(frame(FLOWS))]))[-1] == (
        2,
        [('metric m: A "x" is not a number', "ValueConversionError", "m", "A")] * 2,
    )
