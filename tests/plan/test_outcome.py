"""Which errors are a stage's, and which messages an outcome rejects as a whole."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.plan.outcome import Outcome, Reject, StageError, attribute_errors


@pytest.mark.parametrize("error", [ValueError("no"), pl.exceptions.PanicException("out")])
def test_an_error_is_attributed_to_its_stage(error: BaseException) -> None:
    with pytest.raises(StageError, match='stage "s" failed: ') as caught, attribute_errors("s"):
        raise error
    assert (caught.value.stage, caught.value.error) == ("s", error)


@pytest.mark.parametrize("error", [MemoryError(), InterruptedError(), KeyboardInterrupt()])
def test_what_concerns_the_process_passes_through(error: BaseException) -> None:
    with pytest.raises(type(error)), attribute_errors("s"):
        raise error


def test_flows_are_not_messages() -> None:
    """A flow that cannot be counted has no position of its own."""
    outcome = Outcome(rejects=[Reject("in", "bad", b"x", 2), Reject("e", "no number", b"{}")])
    assert outcome.rejected_messages() == [2]
