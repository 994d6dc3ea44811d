"""Streams cut into payloads, however the bytes arrive, and what cannot be cut."""

import gzip
import io
import json
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dead_letters.file import DeadLetterFile
from pipeline.decode import Format, framing
from pipeline.decode.compression import FormatError
from pipeline.decode.framing import chunks, guarded, messages
from pipeline.decode.splitting import MAX_BYTES, Damaged
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
    return [part.reason for part in parts if isinstance(part, Damaged)]


def told(parts: list[bytes]) -> list[bytes | str]:
    return [part.reason if isinstance(part, Damaged) else part for part in parts]


def test_size_delimited_messages() -> None:
    sent = [b"", b"a", b"b" * 127, b"c" * 128, b"d" * 20_000]
    assert payloads(delimited(*sent), "protobuf", 5000) == sent


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"\x05abc", "the input ends inside a message, 4 bytes into it"),
        (b"\x80", "the input ends inside a message, 1 bytes into it"),
        (b"\xff" * 40, "this is not the size of a message; what follows is not read"),
        (
            varint(MAX_BYTES + 1) + b"abc",
            "this is not the size of a message; what follows is not read",
        ),
    ],
)
def test_a_damaged_tail_is_one_damaged_payload(tail: bytes, reason: str) -> None:
    parts = payloads(delimited(b"good", b"fine") + tail, "protobuf", 1000)
    assert parts == [b"good", b"fine", tail]
    assert reasons(parts) == [reason]


def test_a_hole_of_zeros_is_as_many_empty_messages_and_no_loop_over_them() -> None:
    """Gigabytes of them were read for minutes, a message at a time: lines that run are counted."""
    lines = 0

    def traced(frame: FrameType, event: str, _: object) -> Callable[[FrameType, str, Any], Any]:
        nonlocal lines
        lines += event == "line" and frame.f_code.co_filename == framing.__file__
        return traced

    data = delimited(b"a") + bytes(1 << 20) + delimited(b"b")
    before = sys.gettrace()
    sys.settrace(traced)
    try:
        found = list(chunks(cut(data, 1 << 18), "protobuf", 20_000))
    finally:
        sys.settrace(before)
    assert [len(part) for part in found] == [20_000] * 52 + [(1 << 20) + 2 - 52 * 20_000]
    assert (found[0][0], found[-1][-1]) == (b"a", b"b")
    assert sum(part.count(b"") for part in found) == 1 << 20
    assert lines < 1_000


def test_an_empty_block_asks_for_what_is_there() -> None:
    arriving = [b"a\nb\nc", b"", b"", b"c\n", b"d"]
    got = list(chunks(arriving, "json", 10))
    assert got == [[b"a", b"b"], [b"cc", b"d"]]


forms: list[tuple[Format, bytes]] = [
    ("json", b"{}\n\n{\n}\nccc"),
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
def test_any_bytes_are_cut_the_same_however_they_arrive(data: bytes, block: int) -> None:
    assert told(messages(data, whole=True)[0]) == told(
        [p for chunk in chunks(cut(data, block), "protobuf", 100, "none") for p in chunk]
    )


def test_a_guarded_decoder_rejects_damaged_payloads_in_their_place() -> None:
    def decode(payloads: list[bytes]) -> Decoded:
        bad = [(index, "bad") for index, payload in enumerate(payloads) if payload == b"bad"]
        return Decoded(pl.DataFrame({"n": [p.decode() for p in payloads if p != b"bad"]}), bad)

    damaged = Damaged.because(b"\xff", "cut off", last=True)
    decoded = guarded(decode)([b"a", damaged, b"bad", b"b"])
    assert decoded.flows["n"].to_list() == ["a", "b"]
    assert decoded.rejected == [(1, "cut off"), (2, "bad")]
    assert guarded(decode)([b"bad"]).rejected == [(0, "bad")]


def test_a_damaged_payload_is_a_dead_letter_like_others(tmp_path: Path) -> None:
    damaged = Damaged.because(b"\xff", "cut off", last=True)
    with DeadLetterFile(tmp_path / "dead") as letters:
        letters.write([Reject("in", damaged.reason, damaged, 0)])
    line = json.loads((tmp_path / "dead").read_bytes())
    assert line == {"stage": "in", "reason": "cut off", "payload_b64": "/w=="}


@pytest.mark.parametrize(
    ("form", "data", "lost", "parts"),
    [
        ("json", b'{"a":1}\n{"a":2}\n', 1, [b'{"a":1}', b'{"a":2}', b""]),
        ("json", b'{"a":1}\n{"a":2}\n', 3, [b'{"a":1}', b'{"a":']),
        ("json", b'{"a":1}\n{"a":2}\n', 8, [b'{"a":1}', b""]),
        ("json", b'[{"a":1},{"a":2}]', 3, [b'{"a":1}', b'{"a":']),
        ("protobuf", delimited(b"one", b"two"), 1, [b"one", b"\x03tw"]),
        ("protobuf", delimited(b"one", b"two"), 4, [b"one", b""]),
    ],
)
def test_of_a_cut_recording_the_whole_messages_are_read(
    form: Format, data: bytes, lost: int, parts: list[bytes]
) -> None:
    """What is left is one message that is rejected, with what happened and how far it was read."""
    packed = gzip.compress(data, 0)[: -8 - lost]
    found = payloads(packed, form, 1000)
    assert found == parts
    reason = f"the gzip data ends early, at byte {len(packed)} of the input"
    assert told(found)[-1] == reason


def test_text_of_another_encoding_is_refused_by_name() -> None:
    with pytest.raises(FormatError, match="the input is UTF-16 text; JSON is read as UTF-8"):
        payloads('{"a":1}'.encode("utf-16"), "json")


def test_a_tar_archive_is_refused_by_name() -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("flows.json"), io.BytesIO())
    for data in (archive.getvalue(), gzip.compress(archive.getvalue())):
        with pytest.raises(FormatError, match="a tar archive, which is not read: unpack it"):
            payloads(data, "json", 1000)
