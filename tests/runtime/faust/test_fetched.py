"""What a poll hands over of recorded fetches is what aiokafka would give, and how it stands then.

`fetches.json` has fetches as a broker of Kafka 4.1 answered them: record batches, and which
transactions in them were aborted.
"""

from __future__ import annotations

import asyncio
import gc
import json
from base64 import b64decode
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import CorruptRecordException

from pipeline.decode.record_batches import RecordBatches
from pipeline.runtime.faust import fetched as handed_over
from pipeline.runtime.faust.fetched import BatchingRecords, Fetched

_HEAD = 61
"""Bytes of a record batch before its records."""
_FETCHES = json.loads((Path(__file__).parent / "fetches.json").read_text())


class Seen(NamedTuple):
    """What a fetch gave: its ends, offsets and values, and where the reader stands then."""

    start: int
    end: int
    values: dict[int, bytes]
    position: int


def fetched(name: str, behind: int = 0) -> bytes:
    """The record batches of a recorded fetch that come behind the first ones."""
    data = b64decode(_FETCHES[name]["data"])
    for _ in range(behind):
        data = data[12 + int.from_bytes(data[8:12], "big") :]  # offset, length, the rest
    return data


def taken(
    name: str, position: int = 0, behind: int = 0, *, batched: bool = True, polls: int = 1
) -> list[Seen]:
    """The polls of a recorded fetch, or a part of it, that was asked for at an offset."""

    async def run() -> list[Seen]:
        tp = TopicPartition("t", 0)
        assignment = Assignment([tp])
        state = assignment.state_value(tp)
        state.reset_to(position)
        found = fetcher.PartitionRecords(
            tp,
            RecordBatches(fetched(name, behind)),
            [tuple(aborted) for aborted in _FETCHES[name]["aborted"]],
            position,
            None,
            None,
            check_crcs=True,
            isolation_level=fetcher.READ_COMMITTED,
        )
        records = BatchingRecords(frozenset({"t"}) if batched else frozenset())
        result = fetcher.FetchResult(
            tp, assignment=assignment, partition_records=found, backoff=0.1
        )
        records[tp] = result
        seen = []
        for _ in range(polls):
            got = records[tp].getall(100)
            assert isinstance(got, Fetched) or not batched
            if isinstance(got, Fetched):
                values = dict(zip(got.offsets, got.payloads, strict=True))
                seen.append(Seen(got.start, got.end, values, state.position))
            else:
                values = {record.offset: record.value or b"" for record in got}
                seen.append(Seen(position, state.position, values, state.position))
        assert not result.has_more()
        return seen

    return asyncio.run(run())


@pytest.mark.parametrize("name", _FETCHES)
def test_the_records_are_those_that_aiokafka_gives(name: str) -> None:
    """Batched or not: the same records, aborted ones left out, and the same position after."""
    assert taken(name) == taken(name, batched=False)


def test_the_reader_stands_behind_what_is_no_record() -> None:
    """A fetch that ends with the marker of a transaction ends behind it."""
    (seen,) = taken("transactions")
    assert (seen.start, seen.end) == (0, 9)
    assert seen.values == {0: b"kept-0", 1: b"kept-1", 7: b"kept-0"}


def test_a_fetch_of_markers_alone_moves_on() -> None:
    """No record, and yet it counts as something that came."""
    (seen,) = taken("transactions", 8, 5)
    assert seen == Seen(8, 9, {}, 9)


def test_records_before_the_position_are_left_out() -> None:
    """A broker sends whole record batches."""
    (seen,) = taken("gzip", 3)
    assert seen == Seen(3, 5, {3: b"gzip-3", 4: b"gzip-4"}, 5)


def test_holes_between_records_are_kept() -> None:
    """Of a compacted topic; of other records the offsets need not be asked for one by one."""
    found = Fetched(3)
    for part in ((), (4, 5), (7, 9), (12,)):
        found.add([SimpleNamespace(value=b"v%d" % offset, offset=offset) for offset in part])
    assert found.offsets == [4, 5, 7, 9, 12]
    assert found.payloads == [b"v4", b"v5", b"v7", b"v9", b"v12"]


def test_a_fetch_is_let_go_without_the_collector_of_cycles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It holds megabytes, and the collector has little reason to come."""
    monkeypatch.setattr(handed_over, "POLL_RECORDS", 3)
    kinds = fetcher.PartitionRecords, fetcher.FetchResult
    gc.collect()
    gc.disable()
    try:
        taken("plain", polls=3)
        assert not [one for one in gc.get_objects() if type(one) in kinds]
    finally:
        gc.enable()


def test_a_poll_takes_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the record batches comes with the next poll, without a gap."""
    monkeypatch.setattr(handed_over, "POLL_RECORDS", 3)
    first, second, last = taken("plain", polls=3)
    assert (first.start, first.end, list(first.values)) == (0, 3, [0, 1, 2])
    assert (second.start, second.end, list(second.values)) == (3, 6, [3, 4, 5])
    assert second.values[5] == b""
    assert last == Seen(6, 6, {}, 6)


@pytest.mark.parametrize("topic", ["t", "a changelog"])
def test_a_damaged_batch_is_an_error_of_its_own(topic: str) -> None:
    """It is no result: while aiokafka gathers results, an error would lose those it has."""

    async def run() -> object:
        data = bytearray(fetched("plain"))
        data[_HEAD] ^= 1
        tp, batches = TopicPartition(topic, 3), RecordBatches(bytes(data))
        assert batches.has_next()
        found = fetcher.PartitionRecords(
            tp, batches, [], 0, None, None, check_crcs=True, isolation_level=fetcher.READ_COMMITTED
        )
        records = BatchingRecords(frozenset({"t"}))
        records[tp] = fetcher.FetchResult(
            tp, assignment=Assignment([tp]), partition_records=found, backoff=0.1
        )
        return records[tp]

    error = asyncio.run(run())
    assert isinstance(error, fetcher.FetchError)
    with pytest.raises(
        CorruptRecordException, match=rf"{topic}\[3\]: the record batch at offset 0"
    ):
        error.check_raise()


def test_what_was_fetched_before_a_seek_is_thrown_away() -> None:
    """The position has moved since: nothing is handed over."""

    async def run() -> None:
        tp = TopicPartition("t", 0)
        assignment = Assignment([tp])
        assignment.state_value(tp).reset_to(0)
        data = RecordBatches(fetched("plain"))
        found = fetcher.PartitionRecords(
            tp, data, [], 0, None, None, check_crcs=True, isolation_level=fetcher.READ_COMMITTED
        )
        records = BatchingRecords(frozenset({"t"}))
        records[tp] = fetcher.FetchResult(
            tp, assignment=assignment, partition_records=found, backoff=0.1
        )
        assignment.state_value(tp).seek(2)
        assert len(records[tp].getall(100)) == 0

    asyncio.run(run())
