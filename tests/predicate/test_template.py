"""References to fields in a text (docs/reference/transforms.md#field-references)."""

from __future__ import annotations

import pytest

from pipeline.predicate.template import filled, references
from pipeline.testing import frame

FLOWS = frame([{"A": "x", "B": 443.0, "C>D": "y"}, {"A": None}, {}])


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("$(A):$(B)", ["A", "B"]),
        ("$(A)$(A)", ["A", "A"]),
        ("$(C>D)", ["C>D"]),
        ("$A $() $( $(A", []),
        ("$(a b)", ["a b"]),
        ("", []),
    ],
)
def test_the_fields_that_a_text_names(text: str, fields: list[str]) -> None:
    assert references(text) == fields


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("$(A)", ["x", "", ""]),
        ("<$(A):$(B)>", ["<x:443>", "<:>", "<:>"]),
        ("$(C>D)$(none)!", ["y!", "!", "!"]),
        ("$A$()", ["$A$()"] * 3),
    ],
)
def test_a_reference_is_the_text_of_the_field_or_nothing(text: str, results: list[str]) -> None:
    """An absent field and one with a null are the empty text."""
    found = FLOWS.with_columns(t=filled(text, FLOWS.schema))["t"]
    assert found.to_list() == results


def test_a_field_that_is_not_known_is_the_empty_text() -> None:
    made = filled("$(A)-$(B)", FLOWS.schema, lambda name: name == "B")
    assert FLOWS.with_columns(t=made)["t"].to_list() == ["-443", "-", "-"]


def test_references_without_an_end_are_text() -> None:
    """They took quadratic time."""
    assert references("$(Proto)" + "$(" * 200_000) == ["Proto"]
    assert references("$(" * 3 + "Proto)$()$(a)") == ["$($(Proto", "a"]
