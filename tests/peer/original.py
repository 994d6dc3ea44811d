"""A flowlogs-pipeline binary on a pipeline and flows, on 127.0.0.1 alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.peer.feeds import Feed
from tests.peer.outcome import Outcome, printed_records
from tests.peer.pipelines import Pipeline
from tests.real import parts
from tests.real.parts import LOCALHOST
from tests.support.outcomes import samples

VARIABLE = "FLP_BINARY"
OWN = "peer_op_"
"""What the names of self-metrics begin with."""
_BANNER = "Starting "
"""How its output begins; a JSON object, its configuration, is the end of that."""
_KEEP = re.compile(f"^(?!{OWN}|go_|process_|promhttp_|python_)")
_READ = re.compile(rf"^{OWN}ingest_(?:flows_processed|errors)\{{.*\}} (\S+)$", re.MULTILINE)
_STARTED, _ENDED = 60.0, 60.0
_PAUSE, _QUIET, _TICK = 0.05, 0.25, 7.0
"""Seconds between two looks, and for how long nothing changes at the end; a tick is 5 s."""


def binary() -> Path:
    """The binary that the environment names. Raises Missing without one."""
    named = os.environ.get(VARIABLE, "")
    if not named:
        raise parts.Missing(f"{VARIABLE} does not name a flowlogs-pipeline binary")
    return Path(named)


def original(
    program: Path, pipeline: Pipeline, feed: Feed, folder: Path, *, patience: float = 1
) -> Outcome:
    """What the program makes of flows. It is killed then: some pipelines never end.

    `patience` multiplies for how long nothing changes at the end.
    """
    quiet = (_TICK if pipeline.batched else _QUIET) * patience
    with _running(program, pipeline, feed, folder) as (process, port):
        if process.poll() is None:
            with suppress(BrokenPipeError):
                feed.send(process)
        page = _settled(process, port, feed.size, quiet)
        code = process.poll()
    if code is not None:
        why = _reason((folder / "stderr").read_text(errors="replace"))
        return Outcome(refused=why) if code in {1, 78} else Outcome(died=why)
    printed = (folder / "stdout").read_text()
    if printed.startswith(_BANNER):
        printed = printed.partition("\n}\n")[2]
    return Outcome(samples=samples(page, _KEEP), records=printed_records(printed))


@contextmanager
def _running(
    program: Path, pipeline: Pipeline, feed: Feed, folder: Path
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process and the port of its metrics, once it is ready or has ended."""
    port, health = parts.free_port(), parts.free_port()
    settings = {"address": LOCALHOST, "port": port, "prefix": OWN}
    texts = pipeline.texts(feed.ingest) | {"metricsSettings": json.dumps(settings)}
    command = [str(program), *(f"--{name}={text}" for name, text in texts.items())]
    command.append(f"--healthAddr={LOCALHOST}:{health}")
    environment = os.environ | {"HOSTNAME": ""}  # the group of a topic without one
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=err, cwd=folder, env=environment
        )
    try:
        deadline = time.monotonic() + _STARTED
        while process.poll() is None and _page(health, "/ready") is None:
            assert time.monotonic() < deadline, "it is not ready"
            time.sleep(_PAUSE)
        yield process, port
    finally:
        process.kill()
        process.communicate()


def _settled(process: subprocess.Popen[bytes], port: int, lines: int, quiet: float) -> str:
    """The metrics when all lines are read and nothing has changed for a while."""
    seen, since = "", time.monotonic()
    deadline = since + _ENDED
    while process.poll() is None and time.monotonic() < deadline:
        page = _page(port, "/metrics") or ""
        kept = str(samples(page, _KEEP))
        now = time.monotonic()
        if kept != seen or sum(map(float, _READ.findall(page))) < lines:
            seen, since = kept, now
        elif now - since > quiet:
            return page
        time.sleep(_PAUSE)
    assert process.poll() is not None, "it has not read all flows"
    return ""


def _page(port: int, path: str) -> str | None:
    try:
        answer = parts.call(port, path)
    except OSError:
        return None
    return answer.body.decode() if answer.status == 200 else None


def _reason(log: str) -> str:
    """The line of a log that says why."""
    lines = [line for line in log.splitlines() if line.strip()]
    telling = [line for line in lines if re.search("panic|fatal|level=(error|fatal)|error:", line)]
    telling = [line for line in telling if "Read config error" not in line]
    return (telling or lines or ["nothing is said"])[0]
