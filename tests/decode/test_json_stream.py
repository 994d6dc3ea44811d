"""JSON objects in every form that tools write them, and what malformed ones cost."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.decode.json_stream import JsonSplitter
from pipeline.decode.splitting import MAX_BYTES, Damaged

pytestmark = pytest.mark.slow

FLOWS = [{"a": '],}\\"{', "l": [1, [2]], "é": {}}, {}, {"b": None, "n": [{"x": 1}, {"y": "}"}]}]


def split(data: bytes, block: int = 1 << 20) -> list[bytes]:
    """The payloads of data that arrives in blocks."""
    splitter = JsonSplitter()
    payloads: list[bytes] = []
    rest = b""
    for at in range(0, len(data), block):
        part, end = splitter(rest + data[at : at + block], whole=False)
        rest = (rest + data[at : at + block])[end:]
        payloads += part
    return payloads + splitter(rest, whole=True)[0]


def told(data: bytes, block: int = 1 << 20) -> list[bytes | str]:
    """The payloads, of damaged ones the reason."""
    return [p.reason if isinstance(p, Damaged) else p for p in split(data, block)]


def text(separator: str = "\n", indent: int | None = None) -> str:
    return separator.join(json.dumps(flow, indent=indent) for flow in FLOWS)


@pytest.mark.parametrize("block", [1, 3, 1000])
@pytest.mark.parametrize(
    "data",
    [
        text(),
        text() + "\n",
        text("\r\n") + "\r\n",
        text(",\n"),
        text(",\n") + ",\n",
        text(" ,\r\n"),
        text("\n\n \n"),
        text(""),
        text(" "),
        text(indent=2),
        text(",\n", indent=2) + ",",
        text("", indent=1),
        text(indent=0),
        json.dumps(FLOWS),
        json.dumps(FLOWS, indent=2),
        f" \n[\n{text(',' + chr(10))},\n]\n ",
        f"[{text(',')}]\n[]\n[ ]\n",
        "\ufeff" + text(),
        text() + "\n\0\0\0\0",
        text().replace('", "l"', '",\n"l"').replace('{"x"', '\n{"x"'),
    ],
)
def test_objects_are_found_in_every_form(data: str, block: int) -> None:
    assert [json.loads(payload) for payload in split(data.encode(), block)] == FLOWS


def test_arrays_one_after_another() -> None:
    assert split(b'[{"a":1},\n{"b":2}]\n[{"c":3}]\n{"d":4}') == [
        *(b'{"a":1}', b'{"b":2}', b'{"c":3}', b'{"d":4}')
    ]


def test_blank_input_has_no_messages() -> None:
    assert split(b"") == split(b"\n \n,\n\0") == split(b"[]") == split(b" [ ] \n") == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1}\noops\n\n{"b":2}\n', [b'{"a":1}', b"oops", b'{"b":2}']),
        (b'{"a":1\n{"b":2}\n', [b'{"a":1', b'{"b":2}']),
        (b'{"a":1,\n{"b":2}\n{"c":3}\n', [b'{"a":1', b'{"b":2}', b'{"c":3}']),
        (b'{"a":\n{"b":2}\n{"c":3}\n', [b'{"a":', b'{"b":2}', b'{"c":3}']),
        (b'{"a":"x\n{"b":2}\n', [b'{"a":"x', b'{"b":2}']),
        (
            b'{\n "a": oops,\n "b": 1\n}\n{\n "c": 1\n}',
            [b'{\n "a": oops,\n "b": 1\n}', b'{\n "c": 1\n}'],
        ),
        (b'{"a":1}x\n{"b":2}\n', [b'{"a":1}x', b'{"b":2}']),
        (b'5\nnull\n"x"\n[1,2]\n{"b":2}\n', [b"5", b"null", b'"x"', b"[1,2]", b'{"b":2}']),
        (b'[{"a":1]},,{"b":2},]', [b'{"a":1]}', b'{"b":2}']),
        (b'[{"a":1}, 5, oops, "x,]", {"b":2}]', [b'{"a":1}', b"5", b"oops", b'"x,]"', b'{"b":2}']),
        (b'{"a":' * 300 + b'\n{"b":2}\n', [b'{"a":' * 300, b'{"b":2}']),
        (b'[{"a":' + b"[" * 5000 + b'1},{"b":2}]', [b'{"a":' + b"[" * 5000 + b"1}", b'{"b":2}']),
    ],
)
def test_a_malformed_message_costs_no_other(data: bytes, expected: list[bytes]) -> None:
    for block in (1, 4, 1000):
        assert told(data, block) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1}\n{"b"', [b'{"a":1}', "the input ends inside an object, 4 bytes into it"]),
        (b'{"a":1}\n{"b":"\\', [b'{"a":1}', "the input ends inside an object, 7 bytes into it"]),
        (b'{"a":1}\n{"b":tru', [b'{"a":1}', "the input ends inside an object, 8 bytes into it"]),
        (b'{\n"a":1,\n', ["the input ends inside an object, 9 bytes into it"]),
        (b'[{"a":1},{"b', [b'{"a":1}', "the input ends inside an object, 3 bytes into it"]),
        (b'[{"a":1},\n', [b'{"a":1}', "the input ends inside the array"]),
        (b'{"a":oops}', [b'{"a":oops}']),
    ],
)
def test_an_input_that_is_cut(data: bytes, expected: list[bytes | str]) -> None:
    for block in (1, 4, 1000):
        assert told(data, block) == expected


@pytest.mark.parametrize("gap", [b" ", b"\t", b"\\ ", b"a", b"} ", b", ", b"[ ", b'" '])
def test_what_is_malformed_takes_time_by_its_length(gap: bytes) -> None:
    """A text of spaces took quadratic time: minutes where it is longer than a window."""
    data = b'{"a":1 "' + gap * 500_000 + b'" x'
    assert told(data, len(data)) == told(data, 1 << 16)


@pytest.mark.parametrize("digits", [4_301, 1_000_000])
def test_a_number_of_any_length_is_a_value(digits: int) -> None:
    """A number of more digits than Python reads ended the run."""
    number = b'{"a":\n' + b"1" * digits + b"}"
    assert split(b'{"b":1}' + number + b'\n{"c":1}', 1 << 14) == [b'{"b":1}', number, b'{"c":1}']
    assert split(b"[" + number + b"," + number + b"]", 1 << 14) == [number, number]


@pytest.mark.parametrize("start", [b"x", b'{"a":"', b'[{"a":"'])
def test_a_message_without_end_comes_in_rejected_pieces(start: bytes) -> None:
    data = start + b"x" * (MAX_BYTES + (2 << 20)) + b'"}\n{}\n'
    parts = split(data, 1 << 20)
    assert isinstance(parts[0], Damaged)
    assert parts[0].reason == f"a part of a message of more than {MAX_BYTES} bytes"
    assert sum(map(len, parts)) >= len(data) - len(b"[\n\n")
    assert (b"{}" in parts) == (not start.startswith(b"["))
    assert max(map(len, parts)) < MAX_BYTES + (3 << 20)


_ALPHABET = st.sampled_from(
    [
        *(bytes([byte]) for byte in b'{}[],":\n \\1a\r\xff'),
        *(b'{"a":1}', b'{"a":1}\n', b'"a":', b'{"a":[{"b":1},\n', b"}\n{", b"null"),
    ]
)


@given(st.lists(_ALPHABET, max_size=60).map(b"".join), st.integers(1, 50))
@example(b'{"a":{"b":1}\n ,"c":2}', 13)
def test_payloads_are_the_same_however_they_arrive(data: bytes, block: int) -> None:
    assert told(data, block) == told(data)


@pytest.mark.parametrize("between", [b"\0", b"\0\0\0", b"\0\n", b"\n\0", b",\0\n", b"\0\n\0"])
def test_zero_bytes_between_objects_separate_them(between: bytes) -> None:
    """As `find -print0` and its like write them, and as the padding of a disk."""
    objects = [b'{"a":1}', b'{"b":"x"}', b'{"c":[]}']
    for block in (1, 3, 1000):
        assert split(between.join(objects) + between, block) == objects
