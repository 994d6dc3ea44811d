"""Bytes of fields as arrays: the same whether records have one size or not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.netflow import cells
from pipeline.netflow.payload import Head
from pipeline.netflow.template import VARIABLE, Field, Template

HEAD = Head(bytes(16), 1, 2, 3, 4, 5).pack(6)


@given(st.lists(st.binary(min_size=12, max_size=12), min_size=1), st.sampled_from([1, 2, 3, 4, 8]))
def test_fixed_records(rows: list[bytes], size: int) -> None:
    template = Template(10, (Field(1, size), Field(2, 12 - size)))
    found = cells.fixed(template, [template.key + HEAD + row for row in rows])
    first, second = found.cells
    assert first.numbers().tolist() == [int.from_bytes(row[:size], "big") for row in rows]
    assert first.numbers(little=True).tolist() == [
        int.from_bytes(row[:size], "little") for row in rows
    ]
    long = 12 - size > 8
    assert second.numbers().tolist() == [
        0 if long else int.from_bytes(row[size:], "big") for row in rows
    ]
    assert second.pieces() == [row[size:] for row in rows]
    assert found.heads["received"].tolist() == [1] * len(rows)


@given(st.lists(st.tuples(st.binary(max_size=300), st.binary(min_size=2, max_size=2)), min_size=1))
def test_variable_records(rows: list[tuple[bytes, bytes]]) -> None:
    template = Template(10, (Field(1, VARIABLE), Field(2, 2)))
    payloads = [template.key + HEAD + prefixed(text) + port for text, port in rows]
    found, good = cells.variable(template, payloads)
    texts, ports = found.cells
    assert good.all()
    assert texts.pieces() == [text for text, _ in rows]
    assert ports.numbers().tolist() == [int.from_bytes(port, "big") for _, port in rows]
    for little, order in ((False, "big"), (True, "little")):
        assert texts.numbers(little=little).tolist() == [
            int.from_bytes(text, order) if len(text) <= 8 else 0  # type: ignore[arg-type]
            for text, _ in rows
        ]


def prefixed(text: bytes) -> bytes:
    """The bytes behind their length (RFC 7011, section 7)."""
    size = len(text)
    return (bytes([size]) if size < 255 else b"\xff" + size.to_bytes(2, "big")) + text


def test_bytes_of_one_size() -> None:
    template = Template(10, (Field(8, VARIABLE),))
    same, _ = cells.variable(template, [template.key + HEAD + b"\4abcd"] * 2)
    other, _ = cells.variable(
        template, [template.key + HEAD + b"\4abcd", template.key + HEAD + b"\0"]
    )
    raw = same.cells[0].raw(4)
    assert raw is not None
    assert raw.tolist() == [list(b"abcd")] * 2
    assert other.cells[0].raw(4) is None


def test_payloads_of_another_length_are_told() -> None:
    template = Template(10, (Field(1, VARIABLE), Field(2, 2)))
    rows = [b"\1abc", b"\1ab", b"\1abcd", b"\xff", b""]
    found, good = cells.variable(template, [template.key + HEAD + row for row in rows])
    assert good.tolist() == [True, False, False, False, False]
    assert len(found.heads) == len(rows)
    assert np.all(found.cells[0].numbers() < 2**64)
