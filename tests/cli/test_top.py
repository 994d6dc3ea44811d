"""`top` over real HTTP."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.api.server import Answers, Server
from pipeline.cli.app import app

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("flowmatrix")


def worker() -> Server:
    """Each scrape shows 600 flows more, in 3 ms."""
    turns = count(1)

    def page(_: object) -> str:
        flows = 600 * next(turns)
        return (
            f'op_stage_flows_in{{stage="flows"}} {flows}\n'
            f'op_stage_flows_out{{stage="flows"}} {flows - 100}\n'
            f'op_stage_flows_rejected{{stage="flows"}} 100\n'
            f'op_stage_seconds{{stage="flows"}} {flows * 5e-6}\n'
            f'op_kafka_offset{{topic="network-flows",partition="3"}} {flows}\n'
            'op_kafka_lag{topic="network-flows",partition="3"} 1234\n'
            'op_kafka_checkpoint_age_seconds{topic="network-flows",partition="3"} 0.25\n'
        )

    return Server("127.0.0.1:0", Answers(page, str))


def test_one_look_at_two_workers() -> None:
    with worker() as one, worker() as two:
        arguments = ["top", "--once", "--interval", "0.5", "--server", one.url, "--server", two.url]
        done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.output.splitlines() if line.strip()]
    head = "topic partition offset lag flows/s rejected checkpoint worker"
    assert " ".join(lines[0]) == head
    for line, server in zip(lines[1:3], (one, two), strict=True):
        assert line[:4] == ["network-flows", "3", "1,200", "1,234"]
        assert 0 < int(line[4].replace(",", "")) <= 1_200, "half a second, or longer"
        assert line[5:] == ["0", "0.2", "s", "ago", server.url.removeprefix("http://")]
    assert lines[3][:3] == ["all", "2", "2,468"]
    head = "stage flows in flows out filtered rejected flows/s us a flow"
    assert " ".join(lines[4]) == head
    assert lines[5][:5] == ["flows", "2,400", "2,200", "0", "200"]
    assert lines[5][-1] == "5.00"


def test_a_worker_that_is_not_there() -> None:
    with worker() as here:
        arguments = ["top", "--once", "--interval", "0.1", "--server", here.url]
        done = CliRunner().invoke(app, [*arguments, "--server", "http://127.0.0.1:1"])
    assert done.exit_code == 1
    assert re.search(r"^flows +1,200 ", done.output, re.MULTILINE)
    refused = "cannot ask http://127.0.0.1:1/metrics: [Errno 111] Connection refused"
    assert refused in done.output


@pytest.mark.parametrize("interval", ["1e999", "inf", "nan", "1e10", "0"])
def test_an_interval_is_no_longer_than_a_day(interval: str) -> None:
    asked = ["top", "--once", "--server", "http://127.0.0.1:1", "--interval", interval]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 2
    assert "Input should be " in done.output


def test_no_url() -> None:
    done = CliRunner().invoke(app, ["top", "--once", "--server", "localhost:9102"])
    assert done.exit_code == 2
    assert "is not a URL" in done.output


def test_names_are_shown_as_they_are_and_move_no_cursor() -> None:
    """What looks like markup is a name, and escapes show as a mark."""
    page = 'op_stage_flows_in{stage="[/x]\x1b]0;y"} 600\n'
    with Server("127.0.0.1:0", Answers(lambda _: page, str)) as here:
        arguments = ["top", "--once", "--interval", "0.1", "--server", here.url]
        done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert re.search(r"^\[/x\]\ufffd\]0;y +600 ", done.output, re.MULTILINE)
    assert done.output.replace("\n", "").isprintable()


def stepping(a_second: int) -> Server:
    """Offsets rise with each checkpoint, every two seconds, flows with each batch."""
    start = time.monotonic()

    def page(_: object) -> str:
        seconds = time.monotonic() - start
        return (
            f'op_stage_flows_in{{stage="flows"}} {int(seconds) * a_second}\n'
            f'op_kafka_offset{{topic="t",partition="0"}} {int(seconds / 2) * 2 * a_second}\n'
        )

    return Server("127.0.0.1:0", Answers(page, str))


@pytest.mark.slow
def test_rates_agree_with_what_is_sent() -> None:
    """Also those of offsets, which stand still between checkpoints and then rise at once.

    A step of two seconds, and as long again for a machine that is busy: half of what is sent.
    """
    with stepping(500) as one:
        done = CliRunner().invoke(app, ["top", "--once", "--interval", "8", "--server", one.url])
    lines = [line.split() for line in done.output.splitlines() if line.strip()]
    assert 250 <= int(lines[1][4]) <= 750
    assert 250 <= int(lines[4][5]) <= 750


@pytest.mark.parametrize("width", [80, 200])
def test_the_live_table_fits_the_screen(width: int) -> None:
    """A row is a line, on a real terminal of this width; Ctrl-C ends it."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with worker() as one:
        command = [str(COMMAND), "top", "--interval", "0.1", "--server", one.url]
        environment = {**os.environ, "TERM": "xterm"}
        environment.pop("COLUMNS", None)  # tests that run side by side have it set
        with subprocess.Popen(command, stdout=follower, env=environment) as process:
            os.close(follower)
            shown = ""
            while shown.count("1,800") < 2:
                shown += os.read(leader, 65536).decode()
            process.send_signal(signal.SIGINT)
            while True:
                try:
                    shown += os.read(leader, 65536).decode()
                except OSError:  # the other end is closed
                    break
            assert process.wait() == 0
    os.close(leader)
    shown = re.sub(r"\x1b\[[0-9;?]*H", "\n", shown)
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown).replace("\r", "").split("\n")
    assert max(map(len, lines)) <= width
    *heads, _ = [tuple(line.split()) for line in lines if "partition" in line]  # the last is cut
    assert all({"topic", "partition", "lag", "flows/s", "rejected"} <= set(h) for h in heads)
    assert [head for head in heads if ("checkpoint" in head) is not (width == 200)] == []
    assert any(line.startswith("network-flows ") and "1,234" in line for line in lines)
