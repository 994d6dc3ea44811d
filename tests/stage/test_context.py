"""What a stage is built from."""

from __future__ import annotations

from pathlib import Path

from pipeline.stage import BuildContext, SourceContext


def test_needed_fields() -> None:
    """None: all of them."""
    assert BuildContext().needs("anything")
    context = BuildContext(needed=frozenset({"A", "E>Type"}))
    assert [context.needs(name) for name in ("A", "E>Type", "E", "B")] == [True, True, False, False]


def test_every_run_has_its_own_end() -> None:
    one, other = SourceContext(Path("x")), SourceContext(Path("x"))
    one.stopping.set()
    assert not other.stopping.is_set()
