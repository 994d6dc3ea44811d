"""One area of the attack suite as a process that is watched: its tallies, its end, its memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.attack.areas import AREAS
from tests.attack.tally import Tally

_ROOT = Path(__file__).parents[2]


class Result(NamedTuple):
    """What an area came to; `peak` in MB, of its process and of those it started."""

    area: str
    tallies: list[Tally]
    peak: int
    ending: str

    @property
    def faults(self) -> list[str]:
        """Everything that must not happen and did, in words."""
        found = [f"{tally.attack}: {fault}" for tally in self.tallies for fault in tally.faults]
        if self.ending:
            found.append(self.ending)
        if self.peak > AREAS[self.area]:
            found.append(f"it took {self.peak} MB; {AREAS[self.area]} are its limit")
        return found


def run(area: str, *, share: float, seconds: float) -> Result:
    """Try a share of an area, or with 0 the short form, within these seconds."""
    command = [sys.executable, "-m", "tests.attack.areas", area, str(share)]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        watch = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        assert process.stdout is not None
        try:
            with process.stdout as lines:
                tallies = [msgspec.json.decode(line, type=Tally) for line in lines]
        except KeyboardInterrupt:
            watch.cancel()
            os.killpg(process.pid, signal.SIGKILL)
            raise
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        hung = not watch.is_alive()
        watch.cancel()
        errors.seek(0)
        said = errors.read().decode(errors="replace")[-3_000:]
    ending = ""
    if process.returncode:
        after = f"after {tallies[-1].attack}" if tallies else "in its first attack"
        how = f"it hung: {seconds:.0f} s" if hung else f"it ended with {process.returncode}"
        ending = f"{how}, {after}: {said}"
    return Result(area, tallies, usage.ru_maxrss >> 10, ending)
