from __future__ import annotations

from pathlib import Path

from page.about import about
from tests.support.seen import Fixed, reference_seen


def test_what_can_be_done_depends_on_what_there_is() -> None:
    source = Fixed(reference_seen())
    assert about(source, "a state", flows=False).can == []
    source.approved = source.pipeline = source.metrics = Path("x")
    assert about(source, "a worker", flows=True).can == ["apply", "approve", "metrics", "flows"]
