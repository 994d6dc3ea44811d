"""What a macro gives by default."""

from __future__ import annotations

import pytest

from pipeline.stage import BuildContext, Expansion, Macro
from stages.pass_through import PassThrough


def test_an_expansion_of_stages_alone() -> None:
    stages = [PassThrough(name="p")]
    expansion = Expansion(list(stages))
    assert (expansion.stages, list(expansion.statuses)) == (stages, [])
    assert (expansion.report, expansion.fingerprint) == (None, None)


def test_a_macro_must_say_what_it_stands_for() -> None:
    class Empty(Macro, frozen=True, kw_only=True, tag="test_empty_macro"):
        """Says nothing."""

    with pytest.raises(NotImplementedError):
        Empty(name="m").expand(BuildContext(), [], {})
