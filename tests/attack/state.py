"""Attacks on saved states: damage, foreign files, no room, and kills at any moment of a run."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from pipeline.state import checkpoint_file
from pipeline.state.checkpoint_file import CheckpointError
from tests.attack.tally import Size, Tally

_COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
_PIPELINE = """\
stages:
- {name: in, type: ingest_file, path: flows.jsonl, decoder: json}
- name: count
  type: encode_prometheus
  follows: in
  metrics: [{name: flows, labels: [Port]}, {name: bytes, value: Bytes}]
checkpoint: {interval: 20ms}
"""
_FLOWS = 150_000
_FILE = "ledger.checkpoint"
_TRUTH = "bytes 450000\n"
_SECONDS = 120
_LANES, _IN_A_ROW = 2, 5
"""Runs that are killed side by side, and one after the other on the same state."""


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    folder = size.folder
    (folder / "pipeline.yaml").write_text(_PIPELINE)
    with (folder / "flows.jsonl").open("w") as file:
        file.writelines(f'{{"Port":{n % 500},"Bytes":3}}\n' for n in range(_FLOWS))
    whole = folder / "whole"
    assert _run(folder, whole)[0] == 0
    yield _damaged("a flipped bit of every byte", whole, _flips(whole, size.of(97, 1)))
    yield _damaged("every truncation", whole, _cuts(whole, size.of(97, 1)))
    yield _damaged("foreign files", whole, iter(_FOREIGN))
    yield _no_room(folder, size.of(4, 60))
    if _may_mount(folder / "disk"):
        yield _small_disk(folder, size.of(2, 30))
    yield _two(folder, whole)
    yield _kills(folder, size.of(20, 200))


def _flips(whole: Path, step: int) -> Iterator[bytes]:
    data = (whole / _FILE).read_bytes()
    for place in range(0, len(data), step):
        other = bytearray(data)
        other[place] ^= 1 << (place & 7)
        yield bytes(other)


def _cuts(whole: Path, step: int) -> Iterator[bytes]:
    data = (whole / _FILE).read_bytes()
    yield from (data[:end] for end in range(0, len(data), step))


_FOREIGN = (
    b"\0" * 9_000,
    b"PAR1" * 99,
    b"ARROW1\0\0" * 50,
    b"\x84\xa7version\x02" * 9,
    b"{}",
    b"\xff" * 50,
)


def _damaged(name: str, whole: Path, states: Iterator[bytes]) -> Tally:
    """A state that was changed is refused, in words; never read."""
    tally, folder = Tally(name), whole.with_name("damaged")
    folder.mkdir(exist_ok=True)
    for number, data in enumerate(states):
        (folder / _FILE).write_bytes(data)
        with tally.step(f"{name} {number}"):
            try:
                checkpoint_file.tables(folder)
            except CheckpointError:
                tally.add("refused")
            else:
                tally.fault(f"{name} {number} is read")
    return tally


def _no_room(folder: Path, count: int) -> Tally:
    """A disk that is full from some byte on: the run says so, and goes on where there is room."""
    tally = Tally("no room from some byte on")
    for number in range(count):
        state = folder / f"full-{number}"
        limit = 64 << number if number < 14 else 64 + 97 * number
        with tally.step(limit):
            code, said, _ = _run(folder, state, limit)
            if code not in {0, 1} or "Traceback" in said or (code and "error: " not in said):
                tally.fault(f"{limit} bytes: exit {code}: {said}")
            code, said, counted = _run(folder, state)
            if code or _TRUTH not in counted:
                tally.fault(f"after {limit} bytes: exit {code}: {said}")
            tally.add("says why, then counts the truth")
    return tally


def _small_disk(folder: Path, count: int) -> Tally:
    """A file system that fills up or becomes read-only during a run (root can mount one)."""
    tally, disk = Tally("a file system that is full, or becomes read-only"), folder / "disk"
    for number in range(count):
        size = 24 + 8 * number
        with tally.step(f"{size} kB"), _mounted(disk, size):
            process = _started(folder, disk / "state", "out")
            if number % 2:
                time.sleep(0.3 + 0.1 * number)
                _mount("-o", "remount,ro", disk)
            said = process.communicate(timeout=_SECONDS)[1]
            code = process.returncode
            if code not in {0, 1} or "Traceback" in said or (code and "error: " not in said):
                tally.fault(f"{size} kB: exit {code}: {said}")
            _mount("-o", "remount,rw,size=64m", disk)
            again, said, counted = _run(folder, disk / "state")
            if again or _TRUTH not in counted:
                tally.fault(f"after {size} kB: exit {again}: {said}")
            tally.add("says why, then counts the truth" if code else "counts the truth")
    return tally


def _may_mount(disk: Path) -> bool:
    """Whether this user can mount a file system; it is root's right, and not in every container."""
    disk.mkdir()
    try:
        with _mounted(disk, 24):
            return True
    except OSError:
        return False


@contextmanager
def _mounted(disk: Path, kilobytes: int) -> Iterator[None]:
    _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", disk)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def _mount(*arguments: str | Path) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode and "busy" not in done.stderr:  # a file is open to be written just now
        raise OSError(done.stderr)


def _two(folder: Path, whole: Path) -> Tally:
    """Two runs on one state: one of them is refused, or comes after the other."""
    tally, state = Tally("two processes"), folder / "two"
    shutil.copytree(whole, state)
    for one in state.glob(f"{_FILE}*"):
        one.unlink()
    with tally.step("two"):
        both = [_started(folder, state, f"out-{n}") for n in range(2)]
        ends = [process.communicate(timeout=_SECONDS)[1] for process in both]
        codes = sorted(process.returncode for process in both)
        if codes not in ([0, 0], [0, 1]) or (
            1 in codes and "in use by process" not in "".join(ends)
        ):
            tally.fault(f"{codes}: {ends}")
        tally.add("one is refused" if 1 in codes else "one after the other", 2)
    return tally


def _kills(folder: Path, count: int) -> Tally:
    """SIGKILL at a random moment, some times in a row: the counts are the truth at the end."""
    tally, draw = Tally("SIGKILL at random moments"), Random(7)
    states = [folder / f"killed-{number}" for number in range(_LANES)]
    for killed in range(0, count, _LANES * _IN_A_ROW):
        for state in states:
            shutil.rmtree(state, ignore_errors=True)
        with tally.step(f"kill {killed}"):
            for _ in range(_IN_A_ROW):
                processes = [_started(folder, state, f"{state.name}-out") for state in states]
                for process in processes:
                    time.sleep(draw.uniform(0.1, 0.8))
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    tally.add("killed" if process.returncode < 0 else "had ended before")
            for state in states:
                code, said, counted = _run(folder, state)
                if code or _TRUTH not in counted:
                    tally.fault(f"after {killed} kills: exit {code}: {said} {counted[-300:]}")
    return tally


def _started(folder: Path, state: Path, out: str, limit: int = 0) -> subprocess.Popen[str]:
    options = ("run", "pipeline.yaml", "--once", "--state", str(state), "--metrics-out", out)

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    return subprocess.Popen(
        [*_COMMAND, *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=bounded if limit else None,  # noqa: PLW1509 - no threads are here
    )


def _run(folder: Path, state: Path, limit: int = 0) -> tuple[int, str, str]:
    """Exit code, what was said, and the exposition of a run."""
    out = folder / "out"
    out.unlink(missing_ok=True)
    process = _started(folder, state, "out", limit)
    said = process.communicate(timeout=_SECONDS)[1]
    return process.returncode, said, out.read_text() if out.exists() else ""
