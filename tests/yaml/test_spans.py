"""Where the parts of a text start and end."""

from __future__ import annotations

from pipeline.yaml.spans import Span, spans

TEXT = """\
# before
a: 1  # one
list:
  - x
  - {b: "é}", c: [1, 2]}   # after

  # of nobody
&anchor more: *anchor
"""


def cut(text: str) -> list[tuple[str, str]]:
    """Kind and text of every part."""
    (root,) = spans(text)
    return [(part.kind, text[part.start : part.end]) for part in root.walk()]


def test_parts_have_their_own_text() -> None:
    assert cut(TEXT)[1:] == [
        ("scalar", "a"),
        ("scalar", "1"),
        ("scalar", "list"),
        ("sequence", '- x\n  - {b: "é}", c: [1, 2]}'),
        ("scalar", "x"),
        ("mapping", '{b: "é}", c: [1, 2]}'),
        ("scalar", "b"),
        ("scalar", '"é}"'),
        ("scalar", "c"),
        ("sequence", "[1, 2]"),
        ("scalar", "1"),
        ("scalar", "2"),
        ("scalar", "&anchor more"),
        ("alias", "*anchor"),
    ]


def test_places_count_from_one() -> None:
    (root,) = spans(TEXT)
    items: Span = root.parts[3]
    assert (items.line, items.column, items.flow) == (4, 3, False)
    assert (items.parts[1].line, items.parts[1].column, items.parts[1].flow) == (5, 5, True)


def test_line_ends_and_letters_of_any_size() -> None:
    text = "a: \U0001f600\r\nb:\r\n- é\r\n- ü # x\r\n"
    assert [part for kind, part in cut(text) if kind == "scalar"] == [
        *("a", "\U0001f600", "b", "é", "ü")
    ]


def test_empty_values() -> None:
    (root,) = spans("a:\nb: []\n")
    assert [part.end - part.start for part in root.parts] == [1, 0, 1, 2]


def test_documents() -> None:
    assert len(spans("a: 1\n---\nb: 2\n")) == 2
    assert spans("") == []
