"""Attacks by what others write into a changelog: its real records, changed, and foreign ones.

A record under the key of another one of its kind is not tried: who copies whole records writes a
state, as who forges them does.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from confluent_kafka import Consumer, TopicPartition

from pipeline.decode.splitting import Damaged
from pipeline.state.changelog import ChangelogError, State
from pipeline.state.changelog_reader import read
from tests.attack.kafka_worker import CHANGELOG, Attacked
from tests.attack.tally import Size, Tally

Records = dict[bytes, bytes]
_FOREIGN = (b"{}", b"\0" * 900, b"ARROW1\0\0" * 50, b"\x85\xa7version\x03", b"\xff" * 50, b" ")
_KEYS = (b"", b"user-7", b"1.1", b"9.9/manifest", b"x.y/manifest", b"9" * 5_000, b"\xff/\xfe")


def attacks(size: Size, under: Attacked) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    records = _records(under)
    whole = read(records)
    changed = _changed(records, size.of(40, 5_000))
    yield _read("records of a changelog, changed, moved and foreign", whole, changed)


def _records(under: Attacked) -> Records:
    """The records of the worker's changelog that are the last ones of their keys."""
    consumer = Consumer({"bootstrap.servers": under.broker.bootstrap, "group.id": "look"})
    where = TopicPartition(CHANGELOG, 0, 0)
    _, end = consumer.get_watermark_offsets(where, timeout=120)
    consumer.assign([where])
    found: Records = {}
    while consumer.position([where])[0].offset < end:
        for message in consumer.consume(10_000, timeout=2):
            key, value = bytes(message.key() or b""), message.value()
            found.pop(key, None)
            if value is not None:
                found[key] = bytes(value)
    consumer.close()
    return found


def _changed(records: Records, count: int) -> Iterator[Records]:
    draw = Random(41)
    keys = list(records)
    for key in _KEYS:
        for value in _FOREIGN:
            yield {**records, key: value}
    for _ in range(count):
        key, other = draw.choice(keys), draw.choice(keys)
        flipped = bytearray(records[key])
        flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        yield {**records, key: bytes(flipped)}
        yield {**records, key: records[key][: draw.randrange(len(flipped))]}
        if _kind(key) != _kind(other):
            yield {**records, key: records[other]}
        yield {**records, key: draw.choice(_FOREIGN)}
        yield {**records, b"": Damaged.because(b"x", "the record batch is damaged", last=False)}
        yield {name: held for name, held in records.items() if name != key}


def _kind(key: bytes) -> str:
    """Manifest, labels or values."""
    return next((kind for kind in ("manifest", "labels", "values") if kind.encode() in key), "")


def _read(name: str, whole: State, changed: Iterator[Records]) -> Tally:
    """They are refused, or what was saved is read as it was: what is not of it does no harm."""
    tally = Tally(name)
    for number, records in enumerate(changed):
        with tally.step(f"{name} {number}"):
            try:
                found = read(records)
            except ChangelogError as error:
                tally.add("refused")
                if not str(error):
                    tally.fault(f"{number}: refused without a word")
                continue
            if (found.position, str(found.families)) != (whole.position, str(whole.families)):
                if found.position is not None:  # nothing is left of it: it counts from the start
                    tally.fault(f"{number}: another state is read, at {found.position}")
                tally.add("counted from the start")
            else:
                tally.add("read as it was")
    return tally
