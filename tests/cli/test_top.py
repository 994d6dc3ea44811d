"""`top` over real HTTP."""

from __future__ import annotations

import re
from itertools import count

from typer.testing import CliRunner

from pipeline.api.server import Answers, Server
from pipeline.cli.app import app


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
        assert 600 <= int(line[4].replace(",", "")) <= 1_200
        assert line[5:] == ["0", "0.2", "s", "ago", server.url]
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


def test_no_url() -> None:
    done = CliRunner().invoke(app, ["top", "--once", "--server", "localhost:9102"])
    assert done.exit_code == 2
    assert "is not a URL" in done.output
