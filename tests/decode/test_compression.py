"""Compressed input of every format: whole, joined, padded, cut, damaged, or of another kind."""

import bz2
import gzip
import lzma
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import cramjam
import lz4.frame
import pytest
from backports import zstd

from pipeline.decode.compression import (
    Compression,
    DamagedError,
    FormatError,
    decompress,
)

pytestmark = pytest.mark.slow

Pack = Callable[[bytes], bytes]
DATA = b"".join(b'{"a":%d}\n' % number for number in range(100_000))
SKIPPABLE = [
    bytes([first]) + b"\x2a\x4d\x18" + struct.pack("<I", 5) + b"12345" for first in (80, 95)
]


def snappy(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress(data))


def lz4_linked(data: bytes) -> bytes:
    return bytes(lz4.frame.compress(data, block_linked=True, content_checksum=True))


PACKS: dict[str, Pack] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "lz4": lz4_linked,
    "snappy": snappy,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}
formats = pytest.mark.parametrize("form", PACKS)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, compression: Compression = "auto", block: int = 1 << 20) -> bytes:
    return b"".join(decompress(cut(data, block), compression))


def partly(data: bytes, block: int = 1 << 20) -> tuple[bytes, str]:
    """What can be read of damaged data, and why no more."""
    found: list[bytes] = []
    with pytest.raises(DamagedError) as caught:
        found.extend(decompress(cut(data, block)))
    return b"".join(found), str(caught.value)


@formats
@pytest.mark.parametrize("block", [1 << 20, 1000])
def test_a_format_is_recognised_and_its_members_are_joined(form: str, block: int) -> None:
    packed = PACKS[form](DATA)
    assert read(packed, block=block) == DATA
    assert read(packed + packed, block=block) == DATA + DATA
    assert read(packed + PACKS[form](b"") + packed, block=block) == DATA + DATA


@formats
def test_zero_padding_is_passed_over(form: str) -> None:
    packed = PACKS[form](DATA)
    assert read(packed + bytes(10_240)) == DATA
    assert read(packed + bytes(512) + packed + bytes(1)) == DATA + DATA


@pytest.mark.parametrize("block", [1, 100_000])
def test_skippable_frames_are_passed_over(block: int) -> None:
    """They stand first in what pzstd writes, and may stand anywhere."""
    few, (one, other) = DATA[:80], SKIPPABLE
    packed = one + zstd.compress(few) + other + lz4_linked(few) + one
    assert read(packed, block=block) == few + few
    assert read(one + zstd.compress(few), "zstd", block) == few
    assert read(one, block=block) == b""
    assert partly(one[:-1]) == (b"", "the skippable data ends early, at byte 12 of the input")


@formats
def test_of_cut_data_all_that_was_whole_is_given(form: str) -> None:
    packed = PACKS[form](DATA * 3)
    for end in (len(packed) - 1, len(packed) * 3 // 4):
        given, why = partly(packed[:end])
        assert (DATA * 3).startswith(given)
        assert len(given) > len(DATA) // 4
        assert why == f"the {form} data ends early, at byte {end} of the input"


@pytest.mark.parametrize("form", ["gzip", "lz4", "bz2", "xz"])
def test_what_stands_before_a_wrong_checksum_is_given(form: str) -> None:
    packed = bytearray(PACKS[form](DATA[:3000]))
    packed[-3] ^= 1
    given, why = partly(bytes(packed))
    assert given == DATA[:3000]
    assert why.startswith(f"the {form} data ")


@formats
def test_a_flipped_bit_is_told_or_changes_nothing(form: str) -> None:
    """No checksum is in the data of zstd and lz4 as they are packed here: theirs are excepted."""
    packed = PACKS[form](DATA[:5000])
    for place in range(0, len(packed), 7):
        data = bytearray(packed)
        data[place] ^= 4
        try:
            given = read(bytes(data))
        except (DamagedError, FormatError):
            continue
        assert form == "zstd" or given in {DATA[:5000], bytes(data)}


@formats
def test_what_stands_behind_the_data_is_told(form: str) -> None:
    packed = PACKS[form](DATA)
    given, why = partly(packed + b"more")
    assert given == DATA
    assert f"byte {len(packed)}" in why or form == "snappy"


@pytest.mark.slow
@formats
def test_a_small_input_cannot_fill_the_memory(form: str) -> None:
    """256 MB of zeros come in pieces; of bz2 they are 200 bytes."""
    packed = PACKS[form](bytes(1 << 28))
    tracemalloc.start()
    try:
        assert sum(map(len, decompress(cut(packed, 1 << 16)))) == 1 << 28
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"PK\x03\x04", "a zip archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"\x1f\x9d\x90", r"compressed by compress \(\.Z\)"),
        (b"\x02\x21\x4c\x18", "an lz4 legacy frame"),
        (b"\x27\xb5\x2f\xfd", "a zstd frame older than 0.8"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\x0a\x0d\x0d\x0a", "a pcapng capture"),
    ],
)
def test_other_formats_are_refused_by_name(head: bytes, name: str) -> None:
    with pytest.raises(FormatError, match=f"the input is {name}, which is not read"):
        read(head + bytes(100))


def test_compression_can_be_told() -> None:
    packed = gzip.compress(b"a")
    assert read(packed, "none") == packed
    assert read(packed, "gzip") == b"a"
    with pytest.raises(FormatError, match="the input is not zstd"):
        read(packed, "zstd")
    with pytest.raises(FormatError, match="the input is not gzip"):
        read(b"plain", "gzip")


def test_plain_input_passes_with_its_pauses() -> None:
    assert list(decompress(iter([b"{", b"", b"}\n"]))) == [b"{", b"", b"}\n"]
    assert list(decompress(iter([b"\x1f", b"", b"}\n"]))) == [b"\x1f", b"}\n"]
    assert list(decompress(iter([b"{}" * 20, b"", b"{}\n"]))) == [b"{}" * 20, b"", b"{}\n"]
    assert read(b"") == b""


def test_a_recording_of_pzstd() -> None:
    path = Path(__file__).parent / "big.json.zst"
    assert (
        read(path.read_bytes()) == b"".join(b'{"Proto":6,"Bytes":%d}\n' % n for n in (1, 2, 3)) * 3
    )


@pytest.mark.parametrize(
    "inside", [gzip.compress(b"a", mtime=0), b"PAR1", b"PK\x03\x04", b"BZh9\x17rE8P\x90"]
)
def test_what_is_inside_is_not_compressed_again(inside: bytes) -> None:
    """It was rejected as messages, for reasons that did not say what it is."""
    with pytest.raises(FormatError, match=r"what is compressed with gzip is .*: decompress it bef"):
        list(decompress([gzip.compress(inside)]))
