"""Attacks by producers: odd messages, record batches that no client makes, and transactions."""

from __future__ import annotations

import bz2
import gzip
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random

import cramjam
import lz4.frame
from backports import zstd
from confluent_kafka import Producer

from pipeline.decode.splitting import MAX_BYTES
from tests.attack.kafka_worker import LARGEST, Attacked, flow
from tests.attack.tally import Size, Tally
from tests.kafka.support.workers import wait
from tests.support.record_batches import GZIP, LZ4, SNAPPY, ZSTD, batch, produce, record, varint

_Headers = list[tuple[str, str | bytes | None]]
_MB = 1 << 20
_STAMPS = (0, 1, 4_102_444_800_000, 2**62, 1_700_000_000_000)
"""1970, and its first millisecond; 2100; far beyond; 2023."""

_SENTINEL, _ODD, _COMMITTED = 200, 100, 50
_CODECS: dict[int, Callable[[bytes], bytes]] = {
    0: bytes,
    GZIP: gzip.compress,
    SNAPPY: lambda data: bytes(cramjam.snappy.compress_raw(data)),
    LZ4: lz4.frame.compress,
    ZSTD: zstd.compress,
}


def attacks(size: Size, under: Attacked) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    yield _odd("headers, keys, times, sizes", under, size.of(200, 5_000))
    yield _raw("record batches that no client makes", under, size.of(200, 10_000))
    yield _transactions("transactions", under, size.of(12, 150))


def _odd(name: str, under: Attacked, count: int) -> Tally:
    """Whatever stands around a flow, it is counted; what is larger than a message is rejected."""
    tally, draw = Tally(name), Random(21)
    producer = Producer(
        {
            "bootstrap.servers": under.broker.bootstrap,
            "message.max.bytes": LARGEST,
            "linger.ms": 5,
            "log_level": 2,
        }
    )
    odd = flow(_ODD)
    limit = odd[:-1] + b" " * (MAX_BYTES - len(odd)) + b"}"
    cases: list[tuple[bytes | None, bytes | None, _Headers, int]] = [
        (odd, None, [("h", b"x" * (8 * _MB))], 1),
        (odd, None, [(f"h{number}", b"") for number in range(20_000)], 1),
        (odd, None, [("h" * _MB, None)], 1),
        (odd, b"k" * (8 * _MB), [], 1),
        (odd, b"", [("", b"")], 1),
        (limit, None, [], 1),
        (limit + b" ", None, [], 0),
        (b"x" * (LARGEST - 1_000), None, [], 0),
        (b"[" * (8 * _MB), None, [], 0),
        (None, b"k", [], -1),
        (b"", None, [], -1),
    ]
    for _ in range(count):
        headers: _Headers = [
            (f"{draw.random()}", draw.randbytes(draw.randrange(99))) for _ in range(9)
        ]
        cases.append((odd, draw.randbytes(draw.randrange(99)), headers, 1))
    for number, (value, key, named, outcome) in enumerate(cases):
        stamp = _STAMPS[number % len(_STAMPS)]
        producer.produce("attacked-odd", value, key, 0, headers=named, timestamp=stamp or 1)
        producer.poll(0)
        under.sent[_ODD] += outcome == 1
        under.rejected += outcome == 0
        tally.add({1: "counted", 0: "rejected", -1: "empty, passed over"}[outcome])
        if number < 20:
            producer.flush(60)
    if left := producer.flush(60):
        tally.fault(f"{left} messages were not taken")
    under.settled(tally, name)
    return tally


def _raw(name: str, under: Attacked, count: int) -> Tally:
    """What the broker takes is counted or rejected; a flow behind each of them is counted."""
    tally, unsure = Tally(name), 0
    for number, (data, good, rejected, others) in enumerate(_hostile_batches(count)):
        try:
            code = produce(under.broker.bootstrap, "attacked-raw", data)
        except OSError:
            code = -1
        if not code:
            under.sent[_ODD + 1] += good
            under.rejected += rejected
            unsure += others
        tally.add("not taken by the broker" if code else "taken")
        if number % 10 == 0:
            produced = produce(under.broker.bootstrap, "attacked-raw", batch(record(0, _LAST), 1))
            assert produced == 0
            under.sent[_SENTINEL] += 1
    under.settled(tally, name, unsure=unsure)
    return tally


_LAST = flow(_SENTINEL)


def _hostile_batches(count: int) -> Iterator[tuple[bytes, int, int, int]]:
    """A batch, and how many of its messages are counted, rejected, and rejected or empty."""
    good, draw = flow(_ODD + 1), Random(22)
    for codec, compress in _CODECS.items():
        for names in ([b"\xff\xfe"], [b""] * 500, [b"\0\x1b", b"\xc3"]):
            records = record(0, good, headers=[(name, b"") for name in names]) + record(1, good)
            yield batch(compress(records), 2, codec), 2, 0, 0
        if codec:
            yield batch(_bomb(codec, compress), 1, codec), 0, 1, 0
    for codec in (5, 6, 7):
        yield batch(b"junk" * 9, 1, codec), 0, 1, 0
    records = b"".join(record(number, None) for number in range(200_000))
    yield batch(zstd.compress(records), 200_000, ZSTD), 0, 0, 0
    yield batch(bz2.compress(records), 200_000, GZIP), 0, 1, 0
    yield batch(record(0, good) + record(90, good) + record(0, good), 3), 3, 0, 0
    whole = record(0, b"x") + record(1, b"x", b"key", [(b"h", b"v")]) + record(2, b"x")
    for _ in range(count):
        other = bytearray(whole)
        for _ in range(draw.randrange(1, 3)):
            other[draw.randrange(len(other))] = draw.randrange(256)
        yield batch(bytes(other), 3), 0, 0, 3


def _bomb(codec: int, compress: Callable[[bytes], bytes]) -> bytes:
    """One record of 160 MiB."""
    size = 160 * _MB
    head = b"\0" + varint(0) + varint(0) + varint(-1) + varint(size)
    data = varint(len(head) + size + 1) + head + b"\0" * (size + 1)
    if codec != SNAPPY:
        return compress(data)
    blocks = [
        bytes(cramjam.snappy.compress_raw(data[at : at + _MB])) for at in range(0, len(data), _MB)
    ]
    found = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
    return found + b"".join(struct.pack(">i", len(block)) + block for block in blocks)


def _transactions(name: str, under: Attacked, count: int) -> Tally:
    """Aborted ones are not counted; while one is open, the other partition goes on."""
    tally, draw = Tally(name), Random(23)
    producers = [_transactional(under, f"attacker-{number}") for number in range(3)]
    plain = Producer({"bootstrap.servers": under.broker.bootstrap, "log_level": 2})
    for _ in range(count):
        producer, commit = draw.choice(producers), draw.random() < 0.5
        messages = draw.randrange(1, 300)
        producer.begin_transaction()
        for number in range(messages):
            producer.produce("attacked-tx", flow(_COMMITTED + (not commit)), partition=number % 2)
            if number % 50 == 0:
                plain.produce("attacked-tx", flow(_COMMITTED + 2), partition=0)
                under.sent[_COMMITTED + 2] += 1
        plain.flush(120)
        producer.flush(120)
        (producer.commit_transaction if commit else producer.abort_transaction)(120)
        under.sent[_COMMITTED] += messages * commit
        tally.add("committed, counted" if commit else "aborted, not counted")
    under.settled(tally, name)
    holding = producers[0]
    holding.begin_transaction()
    holding.produce("attacked-tx", flow(_COMMITTED), partition=0)
    holding.flush(120)
    for partition in (0, 1):
        for _ in range(50):
            plain.produce("attacked-tx", flow(_COMMITTED + 3 + partition), partition=partition)
    plain.flush(120)
    with suppress(AssertionError):
        wait(lambda: under.counted()[_COMMITTED + 4] == 50)
    if under.counted()[_COMMITTED + 4] != 50:
        tally.fault("an open transaction holds another partition up")
    if under.counted()[_COMMITTED + 3]:
        tally.fault("messages behind the start of an open transaction are counted")
    holding.commit_transaction(120)
    under.sent.update({_COMMITTED: 1, _COMMITTED + 3: 50, _COMMITTED + 4: 50})
    under.settled(tally, "an open transaction that is committed")
    tally.add("open, waited for", 1)
    return tally


def _transactional(under: Attacked, name: str) -> Producer:
    settings = {"transactional.id": name, "transaction.timeout.ms": 600_000, "log_level": 2}
    producer = Producer({"bootstrap.servers": under.broker.bootstrap, **settings})
    producer.init_transactions(120)
    return producer
