"""A built stage is a step, and says itself what is to be done around batches."""

from __future__ import annotations

from pipeline.plan.compile import compile_plan
from pipeline.stage import BuildContext, BuiltStage, Step, Transform
from pipeline.testing import frame, rows
from stages.ingest_file import IngestFile


class Refreshed(Transform, frozen=True, kw_only=True, tag="test_refreshed"):
    """A transform without resources may say what it is built from, too."""

    def build(self, context: BuildContext) -> Step:
        return BuiltStage(lambda flows: flows.head(1), fingerprint=lambda: self.name)


def test_it_is_the_step() -> None:
    built = Refreshed(name="s").build(BuildContext())
    assert rows(built(frame([{"A": "x"}, {"A": "y"}]))) == [{"A": "x"}]


def test_the_plan_collects_what_it_says() -> None:
    stages = [IngestFile(name="in", path="x"), Refreshed(name="s", follows="in")]
    assert compile_plan(stages, BuildContext()).fingerprint() == ("s",)
