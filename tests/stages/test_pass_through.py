"""Flows handed on unchanged."""

from __future__ import annotations

from pathlib import Path

from pipeline.stage import BuildContext
from pipeline.testing import frame
from stages.pass_through import PassThrough


def test_the_very_frame_comes_out() -> None:
    flows = frame([{"A": 1}])
    assert PassThrough(name="p").build(BuildContext())(flows) is flows


def test_it_reads_no_field_and_has_nothing_to_check() -> None:
    stage = PassThrough(name="p")
    assert (stage.reads(), list(stage.check(Path()))) == (frozenset(), [])
