"""TOML as plain data."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.diagnostics import ConfigError, Location
from pipeline.yaml import toml


def test_a_file_is_told_by_its_name() -> None:
    assert toml.is_toml(Path("a.toml"))
    assert toml.is_toml(Path("A.TOML"))
    assert not toml.is_toml(Path("toml"))
    assert not toml.is_toml(Path("a.toml.yaml"))


def test_values_are_those_of_json_and_places_are_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('a = 1\n[[b]]\nc = [true, "x", 1.5]\nd = 2026-08-21T17:39:07Z\n')
    document = toml.read(path)
    moment = "2026-08-21 17:39:07+00:00"
    assert document.data == {"a": 1, "b": [{"c": [True, "x", 1.5], "d": moment}]}
    assert document.place(("b", 0, "c")) == Location(str(path))


TOO_DEEP, TOO_LARGE = "nested deeper than 100 levels", "an integer of more than 64 bits"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = ", "Invalid value"),
        ("[a\n", "Expected"),
        ("a = 1\na = 2\n", "Cannot overwrite a value"),
        ("a = " + "[" * 10_000, "maximum recursion depth exceeded"),
        ("a." * 10_000 + "a = 1", TOO_DEEP),
        ("a." * 100 + "a = 1", TOO_DEEP),
        ("a = " + "9" * 5000, TOO_LARGE),
        ("a = [0x" + "f" * 5000 + "]", TOO_LARGE),
        ("a = 9223372036854775808", TOO_LARGE),
    ],
)
def test_what_is_not_toml_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"a\.toml: error: invalid TOML: {reason}"):
        toml.read(path)


def test_as_deep_as_yaml_and_as_large_as_64_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("a." * 99 + "a = -9223372036854775808\nb = 9223372036854775807")
    data = toml.read(path).data
    assert data["b"] == 2**63 - 1
    for _ in range(100):
        data = data["a"]
    assert data == -(2**63)
