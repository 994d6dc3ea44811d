"""YAML as Kubernetes reads it: its scalars, keys, duplicates, tags, merges and files."""

from __future__ import annotations

import codecs
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import ConfigError
from pipeline.yaml import kubernetes
from pipeline.yaml.scalars import Scalar

VALUES: dict[str, Scalar] = {
    "=": "=",
    "": None,
    "~": None,
    "Null": None,
    "nUll": "nUll",
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "FALSE"), False),
    "yEs": "yEs",
    "12": 12,
    "-12": -12,
    "+12": 12,
    "012": 10,
    "0777": 511,
    "08": 8,
    "00": 0,
    "0": 0,
    "0o7": 7,
    "0O17": 15,
    "-0o7": -7,
    "0x1F": 31,
    "-0x1f": -31,
    "0b101": 5,
    "0b2": "0b2",
    "0o8": "0o8",
    "0x": "0x",
    "1_000": 1000,
    "_1": "_1",
    "1e3": 1000.0,
    "1E+3": 1000.0,
    "-1.5e-1": -0.15,
    "1.": 1.0,
    ".5": 0.5,
    "1e": "1e",
    ".inf": math.inf,
    "+.INF": math.inf,
    "-.inf": -math.inf,
    "inf": "inf",
    "1:30": "1:30",
    "190:20:30.15": "190:20:30.15",
    "2024-01-01": "2024-01-01",
    "2024-01-01T00:00:00Z": "2024-01-01T00:00:00Z",
    "2024-01-01 00:00:00": "2024-01-01 00:00:00",
    "2024-1": "2024-1",
    "10.0.0.1": "10.0.0.1",
    "fd00::1": "fd00::1",
    "18446744073709551615": 2**64 - 1,
    "18446744073709551616": 2.0**64,
    "9" * 5000: "9" * 5000,
    "1e999": "1e999",
    "-0x8000000000000000": -(2**63),
    "0x0000000000000000000000ff": 255,
    "0777777777777777777777": 2**63 - 1,
    "07777777777777777777777777": 7777777777777777777777777.0,
    **{
        text: text
        for text in (
            "0x10000000000000000",
            "-0xffffffffffffffff",
            "0x" + "f" * 300,
            "0b1" + "0" * 2000,
            "0o7777777777777777777777",
            "0o7" + "7" * 400,
            "0" + "7" * 400,
        )
    },
    "1.2.3": "1.2.3",
    "-": "-",
    "+": "+",
    ".": ".",
}


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_scalar(text: str, value: Scalar) -> None:
    """The values that sigs.k8s.io/yaml gives the plain scalar."""
    found = kubernetes.scalar(text)
    assert (type(found), found) == (type(value), value)


@given(st.text(alphabet="0123456789xobXOBeE+-._:Tz ainfulyrs~", max_size=12))
def test_any_scalar_has_a_value(text: str) -> None:
    assert isinstance(kubernetes.scalar(text), str | int | float | bool | None)


def read(text: str) -> list[object]:
    return [document.data for document in kubernetes.documents(text, "f.yaml")]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: =\nb: [-F, =]\n", {"a": "=", "b": ["-F", "="]}),
        ('a: "yes"\nb: \'1e3\'\nc: "0777"\n', {"a": "yes", "b": "1e3", "c": "0777"}),
        ("yes: 1\n0x10: 2\n1.5: 3\n~: 4\n", {"true": 1, "16": 2, "1.5": 3, "null": 4}),
        ('"yes": 1\n"0x10": 2\n', {"yes": 1, "0x10": 2}),
        ("a: !!str 5\nb: !!float 1\nc: !!bool on\n", {"a": "5", "b": 1.0, "c": True}),
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}\n", {"a": {"k": 1, "l": 2}, "b": {"k": 1, "l": 3}}),
        ("a: |\n  yes\n  =\nb: >-\n  1e3\n", {"a": "yes\n=\n", "b": "1e3"}),
        ("%YAML 1.1\n---\na: b\n", {"a": "b"}),
        ('{"a": [1, true, null, "\\u00e9\\/"]}', {"a": [1, True, None, "é/"]}),
    ],
)
def test_documents(text: str, data: object) -> None:
    assert read(text) == [data]


def test_json_is_yaml() -> None:
    """Indented by tabs, too."""
    data = {"kind": "List", "items": [{"a": {"b": [1, 2.5, True, None, "x: y"]}}]}
    assert read(json.dumps(data)) == [data]
    assert read(json.dumps(data, indent=2)) == [data]
    assert read(json.dumps(data, indent="\t")) == [data]


def test_several_documents_some_empty() -> None:
    assert read("a: 1\n---\n---\n# nothing\n---\nb: 2\n...\n") == [{"a": 1}, None, None, {"b": 2}]
    assert read("") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 'f.yaml:3:1: error: duplicate key "a"; first given in line 1'),
        ("yes: 1\n'true': 2\n", 'f.yaml:2:1: error: duplicate key "true"; first given in line 1'),
        ("a: {b: 1, b: 2}\n", 'f.yaml:1:11: error: duplicate key "b"; first given in line 1'),
    ],
)
def test_a_duplicate_key_is_a_problem_with_its_place(text: str, message: str) -> None:
    (document,) = kubernetes.documents(text, "f.yaml")
    assert [str(problem) for problem in document.problems] == [message]


@pytest.mark.slow
def test_a_file_may_be_large_but_its_aliases_may_not() -> None:
    """An inventory has more values than a configuration; aliases must not multiply them."""
    assert len(str(read("- {a: b}\n" * 300_000))) > 1_000_000
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    with pytest.raises(ConfigError, match="values, aliases expanded"):
        read(bomb)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
def test_the_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    """What PowerShell redirects into a file is UTF-16."""
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    content = marks.get(encoding, b"") + "a: é\n".encode(encoding)
    assert read(kubernetes.text_of(content, "f.yaml")) == [{"a": "é"}]


def test_a_file_of_another_encoding_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"f.yaml:2:1: error: the file is not UTF-8"):
        kubernetes.text_of(b"a: 1\nb: \xff\n", "f.yaml")
