"""Attacks by files that change while a job runs: configuration, inventory, FlowMetrics.

What runs goes on with the last one that was accepted, and says why a newer one is refused.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

from pipeline import config
from pipeline.app.job import Job
from pipeline.app.reloader import Reloader
from pipeline.stage.fingerprint import fingerprints
from simulate import Simulation, simulate
from tests.attack.accounts import add_up
from tests.attack.tally import Size, Tally
from tests.support.recordings import messages

_SECONDS = 60.0


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    made = simulate("cluster", size.folder / "c.pb", flows=200)
    text = made.config.read_text().replace("type: ingest_file, path: c.pb", "type: ingest_stdin")
    made.config.write_text(text)
    targets = {
        "configuration": made.config,
        "inventory": made.inventory,
        "a FlowMetric": made.flow_metrics / "workload-bytes.yaml",
        "the folder of FlowMetrics": made.flow_metrics,
    }
    payloads = list(messages(made.recording))
    for name, target in targets.items():
        yield _changes(name, made, target, payloads, size.of(40, 1_000))


def _changes(name: str, made: Simulation, target: Path, payloads: list[bytes], count: int) -> Tally:
    """So many changes of a file or folder, while it is read again and again."""
    tally = Tally(f"{name} changes, vanishes, becomes something else")
    kept = target.with_name("kept")
    shutil.copytree(target, kept) if target.is_dir() else shutil.copy(target, kept)
    job = Job(config.load(made.config))
    reloader = job.watch(lambda: config.load(made.config), lambda: fingerprints([made.config]))
    changer = threading.Thread(target=_change, args=(target, kept, count))
    changer.start()
    while changer.is_alive():
        with tally.step(f"{name}, while it changes"):
            reloader.poll()
            add_up(job, payloads)
    _restore(target, kept)
    with tally.step(f"{name}, at the end"):
        _at_the_end(tally, name, reloader, lambda: add_up(job, payloads))
    tally.add("the last good one goes on", count)
    job.close()
    shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    return tally


def _at_the_end(tally: Tally, name: str, reloader: Reloader, take: Callable[[], object]) -> None:
    deadline = time.monotonic() + _SECONDS
    reloader.poll()
    while reloader.refused and time.monotonic() < deadline:
        reloader.wake()
        reloader.poll()
    if reloader.refused:
        tally.fault(f"{name}: the good one is refused: {reloader.refused}")
    take()


def _change(target: Path, kept: Path, count: int) -> None:
    """Change it in every way that there is, in a random order."""
    draw = Random(target.name)
    for number in range(count):
        _gone(target)
        change = _CHANGES[number % len(_CHANGES)]
        source = next(kept.iterdir()) if kept.is_dir() else kept
        with suppress(FileExistsError):
            change(target, source.read_bytes(), draw)
        time.sleep(draw.uniform(0, 0.1))


def _cut(target: Path, data: bytes, draw: Random) -> None:
    target.write_bytes(data[: draw.randrange(len(data))])


def _flipped(target: Path, data: bytes, draw: Random) -> None:
    other = bytearray(data)
    other[draw.randrange(len(other))] ^= 1 << draw.randrange(8)
    target.write_bytes(other)


def _folder(target: Path, data: bytes, draw: Random) -> None:
    target.mkdir()
    (target / "x.yaml").write_bytes(data[: draw.randrange(len(data))])


def _loop(target: Path, _data: bytes, _draw: Random) -> None:
    target.symlink_to(target.name)


def _pipe(target: Path, _data: bytes, _draw: Random) -> None:
    os.mkfifo(target)


def _huge(target: Path, data: bytes, _draw: Random) -> None:
    target.write_bytes(data)
    os.truncate(target, 3 << 30)


def _nothing(target: Path, _data: bytes, _draw: Random) -> None:
    target.touch()


def _away(_target: Path, _data: bytes, _draw: Random) -> None:
    return


_CHANGES = (_cut, _away, _flipped, _folder, _loop, _nothing, _pipe, _huge)


def _gone(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


def _restore(target: Path, kept: Path) -> None:
    _gone(target)
    shutil.copytree(kept, target) if kept.is_dir() else shutil.copy(kept, target)
