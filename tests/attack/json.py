"""Attacks on JSON input: as payloads of their own, and as streams that are to be cut into them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

from pipeline.app.job import Job
from pipeline.decode.framing import chunks
from pipeline.flows.catalogue import CATALOGUE
from simulate import Format, simulate
from tests.attack.accounts import add_up, job_of_all_fields, jobs, through
from tests.attack.protobuf import cut, flipped
from tests.attack.tally import Size, Tally

_MEGA = 1 << 20
_VALUES = (
    *("null", "true", "[]", "{}", '""', '"x"', "0", "-0", "-1", "1.5", "1e308", "1e309", "-1e400"),
    *("1e-400", "9007199254740993", "18446744073709551616", "1" * 400, "0." + "1" * 400),
    *('"NaN"', '"-Inf"', '"0x10"', '"1_0"', '"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"'),
    *('[1,"x",null,{"a":[]}]', '{"":{"":[{}]}}', '"10.0.0.1"', '"::1"', '"SYN|ACK"', "[[[]]]"),
    *('"1e999999999"', "1e999999999", '"' + "9" * 5_000 + '"', "123456789012", "1761645700"),
)
_MALFORMED = (
    *(
        "",
        " ",
        "\0",
        "{",
        "}",
        "[",
        "]",
        '"',
        ",",
        ":",
        "{}{}",
        "[]",
        "[{}]",
        "{,}",
        '{"a"}',
        "nul",
    ),
    *('{"a":}', '{"a":1,}', '{"a" 1}', "{a:1}", "{'a':1}", '{"a":01}', '{"a":+1}', '{"a":.5}'),
    *('{"a":5.}', '{"a":0x1}', '{"a":Infinity}', '{"a":-}', '{"a":1e}', '{"a":tru}', '{"a":"\t"}'),
    *('{"a":"\\x"}', '{"a":"\\u12"}', '{"a":1}//c', "/*c*/{}", '\ufeff{"a":1}', "true", "1", '"s"'),
    *('{"a":1 "b":2}', '{"a":1}}', '{"a":1]', '[{"a":1},', '{"a":"', '{"a":"\\', "<a/>", "a=b c=d"),
    *('{"\\ud800":1}', '{"a":1,"a":2}', '{"":1}', '{"*":1}', '{"^a$":1}', '{"\\u001e":1}'),
)


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    reference = simulate("reference", size.folder / "reference.jsonl", form=Format.JSON)
    whole = job_of_all_fields(size.folder, "json")
    every = [whole, jobs(reference)["json"]]
    real = reference.recording.read_bytes().splitlines()
    Random(1).shuffle(real)
    kinds = {
        "every truncation of real flows": cut(real[: size.of(5, 300)]),
        "every flipped bit of real flows": flipped(real[: size.of(1, 60)]),
        "every kind of value in every field": values(),
        "malformed of every kind": (text.encode() for text in _MALFORMED),
        "every pair of bytes in a text, and as a name": pairs(size.of(4, 256)),
        "long, deep, wide": large(size.of(10_000, 1_000_000)),
    }
    for name, payloads in kinds.items():
        yield through(Tally(name), every, payloads)
    yield streams(whole, "streams spliced of all these", spliced(real, size.of(30, 5_000)))
    yield streams(whole, "streams of one endless message", endless(size.of(1, 200) * (_MEGA // 4)))


def values() -> Iterator[bytes]:
    for name, value in product((*CATALOGUE, "Other"), _VALUES):
        yield f'{{"{name}":{value},"Proto":6}}'.encode()


def pairs(first: int) -> Iterator[bytes]:
    """All pairs that begin with one of so many bytes, spread over all."""
    for one, other in product(range(0, 256, 256 // first), range(256)):
        pair = bytes([one, other])
        yield b'{"DnsName":"' + pair + b'","Proto":6}'
        yield b'{"' + pair + b'":1}'


def large(length: int) -> Iterator[bytes]:
    """Messages of millions of parts."""
    for depth in (99, 100, 101, length // 10):
        yield b'{"a":' * depth + b"1" + b"}" * depth
        yield b'{"a":' + b"[" * depth + b"]" * depth + b"}"
        yield b'{"a":' + b"[" * depth
        yield b'{"a":' * depth
    for piece in (
        b"1",
        b"0",
        b"9.",
        b"-",
        b"\\ud800",
        b"\xff",
        b"\x00",
        b" ",
        b'\\"',
        b"1_",
        b"0x",
    ):
        for name in (
            b"DnsName",
            b"Bytes",
            b"SrcAddr",
            b"Flags",
            b"NetworkEvents",
            b"TimeFlowEndMs",
        ):
            yield b'{"' + name + b'":"' + piece * length + b'!"}'
            yield b'{"' + name + b'":' + piece * length + b"}"
    yield b"{" + b",".join(b'"%d":1' % number for number in range(length // 20)) + b"}"
    yield b"{" + b",".join([b'"a":1'] * length) + b"}"
    yield b'{"a":[' + b"{}," * length + b"1]}"
    yield b'{"' + b"k" * length + b'":1}'


def spliced(real: list[bytes], count: int) -> Iterator[bytes]:
    """Whole inputs made of flows, malformed messages and pieces of both."""
    draw = Random(4)
    parts = [*real[:200], *(text.encode("utf-8", "surrogatepass") for text in _MALFORMED)]
    between = [
        b"\n",
        b"\n",
        b"\n",
        b",",
        b"",
        b" ",
        b"\r\n",
        b"\n\n",
        b"\0",
        b"\n{",
        b"[",
        b"]",
        b"}",
    ]
    for _ in range(count):
        pieces = []
        for _ in range(draw.randrange(200)):
            piece = draw.choice(parts)
            pieces += [
                piece[: draw.choice((len(piece), len(piece), draw.randrange(len(piece) + 1)))]
            ]
            pieces.append(draw.choice(between))
        yield b"".join(pieces)


def endless(length: int) -> Iterator[bytes]:
    """Inputs that are one line: the memory is bounded, whatever it is made of."""
    starts = (b"", b'{"a":"', b'{"a":1 "', b"[", b'[{"a":', b'{"a":[', b"\xef\xbb\xbf", b'{"a":1 ')
    for start, piece in product(
        starts, (b" ", b"x", b"[", b'{"a":', b"\\", b'"', b"1", b"\0", b"}")
    ):
        yield start + piece * (length // len(piece))


def streams(job: Job, name: str, inputs: Iterator[bytes]) -> Tally:
    """Inputs in blocks, cut into messages that a pipeline takes."""
    tally = Tally(name)
    for data in inputs:
        with tally.step(data[:100]):
            blocks = (data[at : at + (1 << 16)] for at in range(0, len(data), 1 << 16))
            for payloads in chunks(blocks, "json", 4_096):
                tally.add_all(add_up(job, payloads))
    return tally
