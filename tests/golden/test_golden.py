"""What flowlogs-pipeline gave for a configuration and its input, compared with this engine.

A folder is a case: `case.yaml` says how to run and compare it, `expected.*` is what the original
exposed or printed. Where this engine differs on purpose, `ours.*` in the folder is what it gives,
and `docs/differences.md` says why.
"""

from __future__ import annotations

import base64
import fcntl
import json
import re
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from tests.support.outcomes import records, samples

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
DIFFERENCES = HERE.parents[1] / "docs" / "differences.md"
COMMAND = Path(sys.executable).with_name("flowmatrix")
EX_CONFIG = 78

SURVIVED = {
    "decode-crash-pb-no-network": 1,
    "decode-crash-pb-short-ipv6": 1,
    "filter-crash-expression-type": 0,
}
"""Where the original dies of a message or of nothing: how many dead letters there are here.

In the other cases it dies of its configuration, which is refused here.
"""

NOTHING_BUT_REJECTS = {"decode-crash-pb-no-network", "decode-crash-pb-short-ipv6"}
"""Their whole input is rejected, which is exit status 1 here."""

EXTRACT = {"aggregates", "conntrack", "timebased"}
"""Areas whose cases have a batch for each phase."""

WITH_A_BROKER = {"encode-kafka"}
"""Cases that tests/kafka/test_encode_kafka.py runs."""

RELOADED = {"dynamic-reload"}
"""Cases that tests/golden/test_reload.py runs: their configuration changes on the way."""

PUSHED = {"write-loki"}
"""Cases that tests/golden/test_pushed.py runs: what they give goes to a server."""

ELSEWHERE = WITH_A_BROKER | RELOADED | PUSHED
CASES = sorted({path.parent.name for path in HERE.glob("*/case.yaml")} - ELSEWHERE)


class Case:
    """A case and its temporary copy."""

    def __init__(self, name: str, folder: Path) -> None:
        self.source = HERE / name
        self.folder = folder / name
        self.about: dict[str, Any] = yaml.safe_load(self._text("case.yaml"))
        self.config: dict[str, Any] = yaml.safe_load(self._text("config.yaml"))
        shutil.copytree(self.source, self.folder)
        with (self.folder / "config.yaml").open("a") as config:
            config.write("\nmetricsSettings: {prefix: op_}\n")
        self._kubernetes()

    def _text(self, name: str) -> str:
        return (self.source / name).read_text()

    def _kubernetes(self) -> None:
        """The objects of the case, where the configuration looks for its cluster."""
        if (self.source / "kube.yaml").exists():
            for configured in re.findall(r"[cC]onfigPath: ([^\s}]+)", self._text("config.yaml")):
                shutil.copy(self.source / "kube.yaml", self.folder / configured)

    def expected(self, suffix: str) -> str | None:
        """What should come out: ours where it differs on purpose, None where nothing is said.

        Where the case has it by phase, of all phases.
        """
        stem, _, kind = suffix.rpartition(".")
        for name in ("ours", "expected"):
            parts = sorted(self.source.glob(f"{name}.phase*.{kind}")) if not stem else []
            if (self.source / f"{name}.{suffix}").exists():
                return self._text(f"{name}.{suffix}")
            if parts:
                return "".join(part.read_text() for part in parts)
        return None

    def run(self) -> subprocess.CompletedProcess[str]:
        """The real command over the input of the case, ended with it."""
        arguments = [str(COMMAND), "run", "config.yaml", "--once"]
        arguments += ["--metrics-out", "metrics.prom", "--dead-letters", "dead.jsonl"]
        if (self.source / "messages.jsonl").exists():
            arguments += ["--input", self._recording()]
        process = subprocess.Popen(
            arguments,
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        pieces = list(self._pieces())
        assert process.stdin
        try:
            for piece in pieces[:-1]:
                if isinstance(piece, str):
                    process.stdin.write(piece)
                    process.stdin.flush()
                else:
                    _taken(process.stdin)
                    time.sleep(piece)
            out, err = process.communicate(str(pieces[-1]), timeout=60)
        except BrokenPipeError:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def _pieces(self) -> Iterator[str | float]:
        """Texts to send to the standard input, and seconds to wait between them.

        What is sent to a stage of connections or groups is a batch, ten seconds after the last one.
        """
        path = self.source / "flows.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        apart = self.about["area"] in EXTRACT
        for number, phase in enumerate(self.about.get("phases", [])):
            if "sleep" in phase:
                yield float(phase["sleep"])
            else:
                if number and apart:
                    yield 10.0
                count = len(lines) if phase["send"] == "all" else phase["send"]
                yield "".join(lines[:count])
                lines = lines[count:]
        yield "".join(lines)

    def _recording(self) -> str:
        """The Kafka messages of the case, each behind its size as a varint."""
        with (self.folder / "messages.pb").open("wb") as recording:
            for line in self._text("messages.jsonl").splitlines():
                message = json.loads(line)
                value = base64.b64decode(message.get("value_b64", ""))
                assert len(value) < 1 << 14
                size = (
                    [len(value)] if len(value) < 128 else [len(value) & 127 | 128, len(value) >> 7]
                )
                recording.write(bytes(size) + value)
        return Path(recording.name).name


def _taken(pipe: IO[str]) -> None:
    """Wait until the other end has read what was written: a start may take longer than a pause."""
    deadline, waiting = time.monotonic() + 60, bytearray(4)
    while time.monotonic() < deadline:
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)
        if not any(waiting):
            return
        time.sleep(0.05)
    raise AssertionError("nobody reads")


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path) -> None:
    case = Case(name, tmp_path)
    done = case.run()
    outcome = json.loads(case.expected("exit.json") or "{}").get("outcome", "runs")
    if outcome == "refused" or (outcome == "crash" and name not in SURVIVED):
        assert (done.returncode, done.stdout) == (EX_CONFIG, ""), done.stderr
        assert re.search(r"config\.yaml:\d+:\d+: error: ", done.stderr), done.stderr
        return
    assert done.returncode == int(name in NOTHING_BUT_REJECTS), done.stderr
    if outcome == "crash":
        letters = case.folder / "dead.jsonl"
        lines = letters.read_text().splitlines() if letters.exists() else []
        assert len(lines) == SURVIVED[name]
    if case.about.get("records", True) and (wanted := case.expected("jsonl")) is not None:
        dropped = case.about.get("drop_fields", ["TimeReceived"])
        given = list(records(done.stdout, dropped, time.time()))
        expected = list(records(wanted, dropped, time.time()))
        ordered = case.about.get("ordered", True)
        assert (given if ordered else sorted(given)) == (expected if ordered else sorted(expected))
    shown = (case.folder / "metrics.prom").read_text()
    if (wanted := case.expected("prom")) is not None:
        keep = re.compile(case.about.get("keep", "^netobserv_"))
        assert samples(shown, keep) == samples(wanted, keep)
    if (wanted := case.expected("op.prom")) is not None:
        keep = re.compile(f"^op_({'|'.join(case.about['op_metrics'])})$")
        assert samples(shown, keep) == samples(wanted, keep)


def test_every_difference_is_documented() -> None:
    differing = {path.parent.name for path in HERE.glob("*/ours.*")}
    cases, tests = documented()
    assert differing == set(cases)
    for test in tests:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (HERE.parents[1] / file).read_text(), test


def documented() -> list[list[str]]:
    """What the last column of each table of docs/differences.md names."""
    return [
        re.findall("`([^`]+)`", " ".join(re.findall(r"^\| .* \| (.*)$", table, re.MULTILINE)))
        for table in DIFFERENCES.read_text().split("\n## ")
    ]
