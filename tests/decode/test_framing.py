"""Streams cut into payloads, however the bytes arrive, and what cannot be cut."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.decode import Format
from pipeline.decode.framing import MAX_BYTES, Broken, chunks, elements, guarded, messages, read
from pipeline.plan.outcome import Reject
from pipeline.stage import Decoded


def varint(number: int) -> bytes:
    head = b""
    while number > 127:
        head += bytes([number & 127 | 128])
        number >>= 7
    return head + bytes([number])


def delimited(*payloads: bytes) -> bytes:
    return b"".join(varint(len(payload)) + payload for payload in payloads)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def payloads(data: bytes, form: Format, block: int = 7, size: int = 100) -> list[bytes]:
    return [p for chunk in chunks(cut(data, block), form, size) for p in chunk]


def reasons(parts: list[bytes]) -> list[str]:
    return [part.reason for part in parts if isinstance(part, Broken)]


def told(parts: list[bytes]) -> list[bytes | str]:
    return [part.reason if isinstance(part, Broken) else part for part in parts]


def test_lines_of_any_length_with_or_without_a_last_newline() -> None:
    long = b"x" * 70_000
    assert payloads(b"a\n\n" + long + b"\r\nb", "json", 1000) == [b"a", b"", long + b"\r", b"b"]
    assert payloads(b"a\n", "json") == [b"a"]
    assert payloads(b"", "json") == []


def test_a_line_without_end_comes_in_rejected_pieces() -> None:
    data = b"x" * (MAX_BYTES + (2 << 20)) + b"\n{}\n"
    parts = payloads(data, "json", 1 << 20)
    assert reasons(parts) == [f"a part of a line of more than {MAX_BYTES} bytes"]
    assert parts[-1] == b"{}"
    assert sum(map(len, parts)) == len(data) - 2


def test_size_delimited_messages() -> None:
    sent = [b"", b"a", b"b" * 127, b"c" * 128, b"d" * 20_000]
    assert payloads(delimited(*sent), "protobuf", 5000) == sent


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"\x05abc", "the input ends inside a message, 4 bytes into it"),
        (b"\x80", "the input ends inside a message, 1 bytes into it"),
        (b"\xff" * 40, "no size of a message; what follows is not read"),
        (varint(MAX_BYTES + 1) + b"abc", "no size of a message; what follows is not read"),
    ],
)
def test_a_damaged_tail_is_one_broken_payload(tail: bytes, reason: str) -> None:
    parts = payloads(delimited(b"good", b"fine") + tail, "protobuf", 1000)
    assert parts == [b"good", b"fine", tail]
    assert reasons(parts) == [reason]


@pytest.mark.parametrize("block", [1, 3, 1000])
def test_elements_of_an_array(block: int) -> None:
    flows = [{"a": '],}\\"{', "l": [1, [2]], "é": {}}, {}, {"b": None}]
    for text in (json.dumps(flows), json.dumps(flows, indent=2), " \n" + json.dumps(flows) + "\n "):
        data = text.encode()
        opening = data[: data.index(b"{")]
        parts = payloads(data, "json", max(block, len(opening) + 1))
        assert [json.loads(part) for part in parts] == flows
    assert payloads(b"[]", "json") == payloads(b" [ ] \n", "json") == []


def test_an_array_of_other_things_is_a_line() -> None:
    assert payloads(b'[1,2]\n{"a":1}\n', "json") == [b"[1,2]", b'{"a":1}']


@pytest.mark.parametrize(
    ("data", "good", "reason"),
    [
        (b'[{"a":1},{"b"', [b'{"a":1}'], "the input ends inside the array"),
        (b'[{"a":1},{"b', [b'{"a":1}'], "the input ends inside the array"),
        (b'[{"a":1}', [], "the input ends inside the array"),
        (b'[{"a":1}]{"b":2}', [b'{"a":1}'], "text behind the end of the array"),
    ],
)
def test_a_damaged_array(data: bytes, good: list[bytes], reason: str) -> None:
    parts = payloads(data, "json", 1000)
    assert parts[:-1] == good
    assert reasons(parts) == [reason]


def test_damage_inside_an_element_stays_there() -> None:
    assert payloads(b'[{"a":1]},,{"b":2},]', "json", 1000) == [b'{"a":1]}', b"", b'{"b":2}']


def test_an_endless_element_ends_the_reading() -> None:
    parts, ends = elements(b'{"a":1},"' + b"x" * MAX_BYTES, whole=False)
    assert parts[0] == b'{"a":1}'
    assert ends == [8, 9 + MAX_BYTES]
    assert isinstance(parts[1], Broken)
    assert parts[1].last


def test_an_empty_block_asks_for_what_is_there() -> None:
    arriving = [b"a\nb\nc", b"", b"", b"c\n", b"d"]
    got = list(chunks(arriving, "json", 10))
    assert got == [[b"a", b"b"], [b"cc", b"d"]]


forms: list[tuple[Format, bytes]] = [
    ("json", b"a\n\nbb\nccc"),
    ("protobuf", delimited(b"a", b"", b"b" * 200, b"ccc")),
    ("protobuf", delimited(b"a") + b"\x09bc"),
    ("json", b' [{"a":[1]} , {"b":"]"},{}]\n'),
]


@given(st.sampled_from(forms), st.integers(4, 40), st.integers(1, 4))
def test_chunks_are_full_and_in_order(form: tuple[Format, bytes], block: int, size: int) -> None:
    """Every chunk but the last has `size` payloads, however the bytes arrive."""
    name, data = form
    found = list(chunks(cut(data, block), name, size))
    assert all(len(payloads) == size for payloads in found[:-1])
    (whole,) = chunks([data], name, 100)
    assert [payload for payloads in found for payload in payloads] == whole


@given(st.binary(max_size=300), st.integers(1, 50))
@example(b"[{" + b'"' * 9, 3)
def test_any_bytes_are_cut_the_same_however_they_arrive(data: bytes, block: int) -> None:
    assert told(messages(data, whole=True)[0]) == told(payloads(data, "protobuf", block))
    assert payloads(data.replace(b"[", b"("), "json", block) == payloads(
        data.replace(b"[", b"("), "json", 1000
    )
    opened = b"[{" + data
    assert told(payloads(opened, "json", block + 2)) == told(payloads(opened, "json", 1000))


def test_a_guarded_decoder_rejects_broken_payloads_in_their_place() -> None:
    def decode(payloads: list[bytes]) -> Decoded:
        bad = [(index, "bad") for index, payload in enumerate(payloads) if payload == b"bad"]
        return Decoded(pl.DataFrame({"n": [p.decode() for p in payloads if p != b"bad"]}), bad)

    broken = Broken.because(b"\xff", "cut off", last=True)
    decoded = guarded(decode)([b"a", broken, b"bad", b"b"])
    assert decoded.flows["n"].to_list() == ["a", "b"]
    assert decoded.rejected == [(1, "cut off"), (2, "bad")]
    assert guarded(decode)([b"bad"]).rejected == [(0, "bad")]


def test_a_broken_payload_is_a_dead_letter_like_others(tmp_path: Path) -> None:
    broken = Broken.because(b"\xff", "cut off", last=True)
    with DeadLetterFile(tmp_path / "dead") as letters:
        letters.write([Reject("in", broken.reason, broken, 0)])
    line = json.loads((tmp_path / "dead").read_bytes())
    assert line == {"stage": "in", "reason": "cut off", "payload_b64": "/w=="}


DATA = b"\n".join(b'{"a":%d}' % number for number in range(200_000))


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
def test_compression_is_recognised(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "flows"
    path.write_bytes(pack(DATA))
    assert b"".join(read(path)) == DATA
    path.write_bytes(pack(DATA) + pack(DATA))
    assert b"".join(read(path)) == DATA + DATA


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_damaged_compression_names_the_file(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "flows.packed"
    for data in (pack(DATA)[:-10], pack(DATA)[:6], pack(DATA) + b"more"):
        path.write_bytes(data)
        with pytest.raises(OSError, match=r"flows\.packed: (gzip|zstd): "):
            list(read(path))


def test_compression_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_bytes(gzip.compress(b"a"))
    assert b"".join(read(path, "none"))[:2] == b"\x1f\x8b"
    path.write_bytes(b"plain")
    with pytest.raises(OSError, match="flows: gzip: "):
        list(read(path, "gzip"))
