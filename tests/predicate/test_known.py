"""Warnings about fields that the catalogue does not know."""

from __future__ import annotations

from pipeline.diagnostics import Severity
from pipeline.predicate.known import unknown_fields


def test_fields_of_the_catalogue_and_their_parts_are_known() -> None:
    assert list(unknown_fields(["SrcAddr", "NetworkEvents>Type", "NetworkEvents>x"], ())) == []


def test_an_unknown_field_is_a_warning_with_the_nearest_name() -> None:
    (problem,) = unknown_fields({"SrcPrt"}, ("rules", 2, "input"))
    assert problem.severity is Severity.WARNING
    assert problem.path == ("rules", 2, "input")
    assert '"SrcPrt"' in problem.message
    assert problem.hint == 'did you mean "SrcPort"?'


def test_a_field_near_nothing_may_come_from_elsewhere() -> None:
    (problem,) = unknown_fields(["Zzz"], ())
    assert "did you mean" not in problem.hint
    assert problem.hint


def test_problems_are_in_the_order_of_the_names() -> None:
    """Whatever the order of a set is, a run says the same as the run before."""
    found = [problem.message for problem in unknown_fields({"zz", "bb", "aa", "Proto"}, ())]
    assert found == sorted(found)
    assert len(found) == 3
