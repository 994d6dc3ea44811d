"""The state in the records of a changelog, as `changelog.py` writes them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import polars as pl
import pyarrow as pa

from pipeline.decode.splitting import Damaged
from pipeline.flows import values
from pipeline.stage import Family, memory
from pipeline.state import changes
from pipeline.state.changelog import (
    MANIFEST,
    OVERFLOW_CHUNK,
    VERSION,
    ChangelogError,
    Epoch,
    Manifest,
    Part,
    Remembered,
    Saved,
    State,
    What,
)
from pipeline.state.checkpoint_file import unpack
from pipeline.state.sealed import SealError, unseal

_UNSEALED = b"\xa7version"
"""How a manifest of version 3 and before begins, behind its first byte; it had no head."""


def read(records: Mapping[bytes, bytes]) -> State:
    """The state in a changelog's records, the last of each key.

    Raises ChangelogError when the newest state is not whole, or a record batch was damaged.
    """
    for key, value in records.items():
        if isinstance(value, Damaged):
            raise ChangelogError(value.reason, key)
    epochs = {_epoch(key) for key in records}
    newest = max((epoch.counter for epoch in epochs), default=0)
    states = [epoch for epoch in epochs if epoch.key(MANIFEST) in records]
    if not states:
        return State(None, [], newest, frozenset(records))
    epoch = max(states)
    manifest = _manifest(epoch, records)
    try:
        families = [
            _saved(family, [p for p in manifest.parts if p.family == family.name], epoch, records)
            for family in manifest.families
        ]
        remembered = tuple(
            (one.stage, one.digest, _memory(one, epoch, records)) for one in manifest.memories
        )
    except pl.exceptions.PolarsError as error:
        reason = f"the parts that it names do not belong together: {error}"
        raise ChangelogError(reason, epoch.key(MANIFEST)) from error
    return State(
        manifest.position,
        [saved for saved in families if saved],
        newest,
        frozenset(records),
        manifest.topic_id,
        remembered,
    )


def _epoch(key: bytes) -> Epoch:
    try:
        counter, generation = key.split(b"/", 1)[0].split(b".")
        return Epoch(int(counter), int(generation))
    except ValueError as error:
        raise ChangelogError("it is not a record of flowmatrix", key) from error


def _manifest(epoch: Epoch, records: Mapping[bytes, bytes]) -> Manifest:
    key = epoch.key(MANIFEST)
    content = _content(key, records)
    try:
        return msgspec.msgpack.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ChangelogError(f"it is not a manifest: {error}", key) from error


def _content(key: bytes, records: Mapping[bytes, bytes]) -> bytes:
    """What was sealed in a record. Raises ChangelogError, also when there is no such record."""
    if key not in records:
        raise ChangelogError("it is missing", key)
    value = records[key]
    if value.startswith(_UNSEALED, 1):
        written = int.from_bytes(value[1 + len(_UNSEALED) :][:1])
        reason = f"it was written by an older flowmatrix (version {written}, not {VERSION})"
        raise ChangelogError(reason, key)
    try:
        return unseal(value, VERSION)
    except SealError as error:
        raise ChangelogError(str(error), key) from error


def _saved(
    family: Family, parts: list[Part], epoch: Epoch, records: Mapping[bytes, bytes]
) -> Saved | None:
    chunks: dict[int, dict[What, pl.DataFrame]] = {}
    beside = [part for part in parts if part.what == "changes"]
    for part in parts:
        if part.what != "changes":
            chunks.setdefault(part.chunk, {})[part.what] = _frame(part, epoch, records)
    frames = {chunk: _whole(found) for chunk, found in chunks.items()}
    overflow = frames.pop(OVERFLOW_CHUNK, None)
    totals = [frames[chunk] for chunk in sorted(frames)]
    found = totals or ([] if overflow is None else [overflow])
    if not found:
        return None
    empty = found[0].clear()
    frames_beside = [_frame(part, epoch, records) for part in beside]
    try:
        whole = changes.applied(pl.concat([empty, *totals]), frames_beside)
    except IndexError:
        key = beside[-1].key(epoch, 0)
        raise ChangelogError("it has series that are not in the state", key) from None
    return Saved(family, whole, empty if overflow is None else overflow)


def _memory(one: Remembered, epoch: Epoch, records: Mapping[bytes, bytes]) -> memory.Saved:
    """The rows of a memory that are not forgotten."""
    found = {(part.what, part.chunk): _frame(part, epoch, records) for part in one.parts}
    chunks = sorted(chunk for what, chunk in found if what == "kept")
    if not chunks:
        return memory.Saved(one.at, pl.DataFrame(), pl.DataFrame())
    kept = pl.concat([found["kept", chunk] for chunk in chunks])
    fixed = values.concat([found["fixed", chunk] for chunk in chunks])
    live = kept[memory.LIVE]
    return memory.Saved(one.at, fixed.filter(live), kept.filter(live).drop(memory.LIVE))


def _whole(found: Mapping[What, pl.DataFrame]) -> pl.DataFrame:
    """Labels and values side by side; those of a family without labels are values alone."""
    values = found["values"]
    return found["labels"].hstack(values) if "labels" in found else values


def _frame(part: Part, epoch: Epoch, records: Mapping[bytes, bytes]) -> pl.DataFrame:
    keys = [part.key(epoch, piece) for piece in range(part.pieces)]
    data = b"".join(_content(key, records) for key in keys)
    try:
        frame = unpack(data)
    except (pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise ChangelogError(f"it is not a part of a state: {error}", keys[0]) from error
    if frame.height != part.rows:
        reason = f"it has {frame.height} series where the manifest says {part.rows}"
        raise ChangelogError(reason, keys[0])
    return frame
