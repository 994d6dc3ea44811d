"""Attacks on a recording while it is read: it grows, shrinks, is replaced, vanishes, has holes.

Files are read as far as they go at the start; they are not followed. Whatever happens to one, what
was whole is counted once, the rest is rejected with a reason, and the next run on the same state
counts what came later.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from pipeline import config
from pipeline.app.job import Job
from tests.attack.tally import Size, Tally

_PIPELINE = """\
stages:
- {{name: in, type: ingest_file, path: flows, decoder: json, batch_size: 2000}}
- name: count
  type: encode_prometheus
  follows: in
  metrics: [{{name: bytes, value: Bytes}}]
"""
_FLOWS = 40_000
"""So many that a file is longer than what is read of it before the first batch."""
_LATER = 3_000
_LARGE = 1 << 26

Change = Callable[[Path, Random], None]


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    (size.folder / "pipeline.yaml").write_text(_PIPELINE.format())
    for pack in (bytes, gzip.compress):
        whole = pack(_lines(_FLOWS))
        for change, exact in _CHANGES.items():
            name = f"{'gzip' if pack is gzip.compress else 'plain'}, {change.__name__.strip('_')}"
            yield _changed(name, size, whole, change, exact=exact)
    yield _later(size)
    yield _fed(size)


def _lines(number: int) -> bytes:
    """Flows of a byte each, in lines that fill a file, also a compressed one."""
    draw = Random(number)
    noise = (draw.randbytes(50).hex().encode() for _ in range(number))
    return b"".join(b'{"Bytes":1,"SrcAddr":"10.0.0.1","n":"%s"}\n' % one for one in noise)


def _run(
    folder: Path, state: Path | None, change: Callable[[], None], *, always: bool = False
) -> tuple[int, int, int]:
    """A run with a change after the second batch, or each: read, rejected, and bytes counted."""
    job = Job(config.load(folder / "pipeline.yaml"), state=state)
    batches = 0

    def advance(_: int) -> None:
        nonlocal batches
        batches += 1
        if batches == 2 or always:
            change()

    try:
        job.run(advance)
        account = job.telemetry.account(job.plan)
        page = job.exposer.final()
    finally:
        job.close()
    assert account.read == account.counted + account.all_rejects, account
    assert bool(account.reasons) == bool(account.all_rejects)
    found = re.search(r"^bytes (\S+)$", page, re.MULTILINE)
    return account.read, account.all_rejects, int(float(found[1])) if found else 0


def _changed(name: str, size: Size, whole: bytes, change: Change, *, exact: bool) -> Tally:
    tally, draw = Tally(name), Random(name)
    flows = size.folder / "flows"
    for number in range(size.of(1, 15)):
        _gone(flows)
        flows.write_bytes(whole)
        with tally.step(f"{name} {number}"):
            read, rejected, counted = _run(size.folder, None, lambda: change(flows, draw))
            if exact and (read, rejected, counted) != (_FLOWS, 0, _FLOWS):
                tally.fault(f"{name}: {read} read, {rejected} rejected, {counted} bytes counted")
            tally.add("counted", read - rejected)
            tally.add("rejected", rejected)
    _gone(flows)
    return tally


def _later(size: Size) -> Tally:
    """Flows that are written during a run and after it, also a part of one, are counted once."""
    tally = Tally("grows over runs on one state")
    flows, lines = size.folder / "flows", _lines(_FLOWS)
    draw = Random(4)
    for number in range(size.of(1, 15)):
        state = size.folder / f"state-{number}"
        flows.write_bytes(lines)
        written = lines
        with tally.step(f"growing {number}"):
            for _ in range(3):
                more = _lines(_LATER)
                cut = draw.randrange(len(more))
                grow = _appending(flows, more[:cut])
                _run(size.folder, state, grow)
                _appending(flows, more[cut:])()
                written += more
            counted = _run(size.folder, state, lambda: None)[2]
            if counted != written.count(b"\n"):
                tally.fault(f"{counted} counted of {written.count(b'n')} written")
            tally.add("counted once", counted)
    _gone(flows)
    return tally


def _fed(size: Size) -> Tally:
    """More comes for each batch than is in it, as from a run that writes to what it reads."""
    tally, flows = Tally("grows faster than it is read"), size.folder / "flows"
    for number in range(size.of(1, 15)):
        flows.write_bytes(_lines(_FLOWS))
        with tally.step(f"fed {number}"):
            _, _, counted = _run(size.folder, None, _appending(flows, _lines(_LATER)), always=True)
            if counted != _FLOWS:
                tally.fault(f"{counted} counted of {_FLOWS}")
            tally.add("counted", counted)
    _gone(flows)
    return tally


def _appending(path: Path, data: bytes) -> Callable[[], None]:
    def append() -> None:
        with path.open("ab") as file:
            file.write(data)

    return append


def _replaced(path: Path, _draw: Random) -> None:
    other = path.with_name("other")
    other.write_bytes(b'{"Bytes":1}\n' * 9)
    other.replace(path)


def _vanishes(path: Path, _draw: Random) -> None:
    path.unlink()


def _becomes_a_folder(path: Path, _draw: Random) -> None:
    path.unlink()
    path.mkdir()


def _unreadable(path: Path, _draw: Random) -> None:
    path.chmod(0)


def _shrinks(path: Path, draw: Random) -> None:
    os.truncate(path, draw.randrange(path.stat().st_size))


def _empties(path: Path, _draw: Random) -> None:
    os.truncate(path, 0)


def _written_anew(path: Path, draw: Random) -> None:
    path.write_bytes(_lines(draw.randrange(_FLOWS * 2)))


def _grows(path: Path, draw: Random) -> None:
    with path.open("ab") as file:
        file.write(_lines(draw.randrange(_LATER)))


def _grows_by_a_part(path: Path, _draw: Random) -> None:
    with path.open("ab") as file:
        file.write(b'{"Bytes":1,"Src')


def _grows_by_zeros(path: Path, _draw: Random) -> None:
    os.truncate(path, path.stat().st_size + _LARGE)


def _overwritten(path: Path, draw: Random) -> None:
    with path.open("r+b") as file:
        for _ in range(20):
            file.seek(draw.randrange(path.stat().st_size))
            file.write(draw.randbytes(draw.randrange(200)))


_CHANGES: dict[Change, bool] = {
    _replaced: True,
    _vanishes: True,
    _becomes_a_folder: True,
    _unreadable: True,
    _shrinks: False,
    _empties: False,
    _written_anew: False,
    _grows: True,
    _grows_by_a_part: True,
    _grows_by_zeros: True,
    _overwritten: False,
}
"""What happens to a file, and whether all of it is counted all the same: it stays open."""


def _gone(path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
