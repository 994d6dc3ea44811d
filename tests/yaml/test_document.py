"""YAML with places: what is read, where it was, and what is refused without hanging."""

import contextlib
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import ConfigError, ConfigPath, Key, Location
from pipeline.yaml import document, kubernetes
from pipeline.yaml.composer import MAX_DEPTH

TEXT = """\
a: &q
  - b: 1
    c: [x,  yy]
d: *q
"e": |
  long
"""

PLACES: list[tuple[ConfigPath, tuple[int, int]]] = [
    ((), (1, 1)),
    (("a",), (1, 4)),
    ((Key("a"),), (1, 1)),
    (("a", 0), (2, 5)),
    (("a", 0, "b"), (2, 8)),
    (("a", 0, Key("b")), (2, 5)),
    (("a", 0, "c", 1), (3, 13)),
    (("a", 0, "c", 2), (3, 8)),
    (("a", 0, "c", "no", 1), (3, 8)),
    (("d",), (4, 4)),
    (("d", 0, "b"), (2, 8)),
    (("e",), (5, 6)),
    (("none", 0), (1, 1)),
    ((Key("none"),), (1, 1)),
]


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        document.load(text, "f.yaml")
    assert len(caught.value.problems) == 1
    return str(caught.value)


@pytest.mark.parametrize(("path", "place"), PLACES)
def test_places(path: ConfigPath, place: tuple[int, int]) -> None:
    assert document.load(TEXT, "f.yaml").place(path) == Location("f.yaml", *place)


def test_plain_data() -> None:
    item = {"b": 1, "c": ["x", "yy"]}
    assert document.load(TEXT, "f.yaml").data == {"a": [item], "d": [item], "e": "long\n"}
    assert document.load("", "f.yaml").data is None
    assert document.load("1: x\nnull: y\ntrue: z\n", "f.yaml").data == {
        "1": "x",
        "null": "y",
        "true": "z",
    }
    assert document.load('{\n\t"a": ["\\u00e9", 1e3, "1"]\n}', "f.json").data == {
        "a": ["é", 1000.0, "1"]
    }
    assert document.load("\ufeffa: yes", "f.yaml").data == {"a": "yes"}


def test_variables() -> None:
    text = (
        'a: ${PORT}\nb: "${PORT}"\nc: :${PORT}\nd: ${LIST}\n${PORT}: e\n'
        "f: !!str ${PORT}\ng: [!!int '${PORT}']\n"
    )
    environ = {"PORT": "8080", "LIST": "[1, {a: b}]\nx: y"}
    assert document.load(text, "f.yaml", environ).data == {
        "a": 8080,
        "b": "8080",
        "c": ":8080",
        "d": "[1, {a: b}]\nx: y",
        "${PORT}": "e",
        "f": "8080",
        "g": [8080],
    }
    assert document.load("a: ${PORT}", "f.yaml").data == {"a": "${PORT}"}


def test_syntax_errors_have_a_place() -> None:
    assert refused("a: [1,\n  2") == (
        "f.yaml:3:1: error: invalid YAML: "
        "did not find expected ',' or ']', while parsing a flow sequence"
    )
    assert refused("a: b: c") == (
        "f.yaml:1:5: error: invalid YAML: mapping values are not allowed in this context"
    )
    assert refused("a: {b: ${PORT}}").endswith('a variable inside [] or {} needs quotes: "${NAME}"')
    assert refused("a: é\nb: é\x07") == (
        "f.yaml:2:5: error: invalid YAML: control characters are not allowed"
    )
    assert refused("a: \ud800") == "f.yaml: error: invalid YAML: surrogates not allowed"
    assert refused("a: 1\n---\nb: 2") == (
        "f.yaml:3:1: error: the file has several documents where one is expected"
    )


def test_limits() -> None:
    assert refused("[" * 100_000) == f"f.yaml:1:102: error: nested deeper than {MAX_DEPTH} levels"
    assert "nested deeper" in refused("- " * 100_000)
    assert "nested deeper" in refused("{a: " * 100_000)
    assert "longer than" in refused("#" * (document.MAX_SIZE + 1))
    assert "%TAG" in refused("".join(f"%TAG !a{i}! x\n" for i in range(100_000)))
    document.load("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f.yaml")


def test_several_documents() -> None:
    text = "---\na: 1\n---\nb: ${X}\nb: 2\n...\n"
    first, second = kubernetes.documents(text, "f.yaml")
    assert first.data == {"a": 1}
    assert first.place(("a",)) == Location("f.yaml", 2, 4)
    assert first.problems == []
    assert [str(problem) for problem in second.problems] == [
        'f.yaml:5:1: error: duplicate key "b"; first given in line 4',
    ]


def test_read(tmp_path: Path) -> None:
    good, latin, long = (tmp_path / name for name in ("good", "latin", "long"))
    good.write_text("é", encoding="utf-8")
    latin.write_bytes(b"a: 1\nb: \xe9\n")
    long.write_bytes(b"#" * (document.MAX_SIZE + 1))
    assert document.read(good) == "é"
    for path, message in {
        latin: f"{latin}:2:4: error: the file is not UTF-8",
        long: f"{long}: error: the file is longer than {document.MAX_SIZE} bytes",
        tmp_path / "none": f"{tmp_path}/none: error: cannot be read: No such file or directory",
        tmp_path: f"{tmp_path}: error: cannot be read: Is a directory",
        tmp_path / "a\0": f"{tmp_path}/a\0: error: cannot be read: a name of a file has no NUL",
    }.items():
        with pytest.raises(ConfigError) as caught:
            document.read(path)
        assert str(caught.value) == message


LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
DATA = st.recursive(
    LEAVES | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(DATA)
def test_reads_json(data: object) -> None:
    text = yaml.dump(data, Dumper=yaml.SafeDumper, default_style='"', allow_unicode=True)
    tagged = document.load(text, "f.yaml")
    assert tagged.problems == []
    assert tagged.data == data
    assert tagged.place(()).file == "f.yaml"


@given(st.text() | st.text(alphabet="ab:-[]{}&*!|>?#%'\"$\n\t ,~<"))
def test_any_text_is_a_document_or_an_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert document.load(text, "f.yaml", os.environ).place(()).line >= 1
