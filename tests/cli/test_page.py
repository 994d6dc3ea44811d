"""`page`, as a command: it says where it is, and ends at a signal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from pipeline.app.job import Job
from pipeline.cli import edge_api, page_api
from pipeline.config.loader import load
from simulate import Simulation
from tests.support.commands import flowmatrix

pytestmark = pytest.mark.slow
COMMAND = str(Path(sys.executable).with_name("flowmatrix"))


@contextmanager
def page(*arguments: object) -> Iterator[str]:
    """The URL of a page that is served."""
    command = [COMMAND, "page", *map(str, arguments), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        told = iter(process.stderr.readline, "")
        line = next(line for line in told if "the page is at" in line)
        found = re.search(r"http://\S+/page/", line)
        assert found
        try:
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def asked(url: str, name: str) -> Any:
    with urlopen(f"{url}../api/v0/{name}".replace("/page/..", "")) as answer:
        return json.load(answer)


def test_a_recording_with_an_inventory(made: Simulation) -> None:
    with page(made.recording, "--inventory", made.inventory) as url:
        assert urlopen(url).status == 200
        assert asked(url, "about")["source"] == str(made.recording)
        assert asked(url, "edges")["total"] > 0
        assert asked(url, "flows")["held"] == made.flows


def test_a_running_worker(made: Simulation) -> None:
    job = Job(load(made.config))
    edges = edge_api.Edges(job)
    job.run()
    with (
        job.server("127.0.0.1:0", page_api.worker_documents(job, edges, "a worker")) as worker,
        page("--server", worker.url) as url,
    ):
        assert asked(url, "about") == {**asked(url, "about"), "source": worker.url, "can": []}
        assert asked(url, "matrix?namespace=netobserv")["clients"]
        (fares,) = asked(url, "health")["workers"]
        assert (fares["worker"], fares["reason"]) == (worker.url, "")
    job.close()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "give one of FILE"),
        (["--server", "x", "--state", "y"], "give one of FILE"),
        (["x", "--listen", "9480"], '"9480" is not host:port'),
        (["x", "--approved", "none.yaml"], 'no file "none.yaml"'),
    ],
)
def test_what_is_wrong_with_the_options(arguments: list[str], why: str) -> None:
    done = flowmatrix("page", *arguments)
    assert done.exit_code == 2
    assert why in done.stderr
