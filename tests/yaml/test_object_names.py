"""Names of objects: what an API server takes."""

from __future__ import annotations

import pytest

from pipeline.yaml.object_names import is_name, is_namespace


@pytest.mark.parametrize("text", ["a", "0", "a-b", "a" * 63])
def test_what_both_take(text: str) -> None:
    assert is_name(text)
    assert is_namespace(text)


@pytest.mark.parametrize(
    "text",
    ["", "-a", "a-", "A", "a_b", "../x", "a/b", "a b", "a\n", "ä", "a" * 254, 7, None, ["a"]],
)
def test_what_neither_takes(text: object) -> None:
    assert not is_name(text)
    assert not is_namespace(text)


@pytest.mark.parametrize("text", ["a.b", "a" * 64, "a" * 253])
def test_what_no_namespace_is_called(text: str) -> None:
    assert is_name(text)
    assert not is_namespace(text)
