"""The servers of a job."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipeline import config
from pipeline.app.job import Job
from pipeline.app.serving import serving
from tests.real.parts import LOCALHOST, free_port

PIPELINE = """\
stages:
- {{name: in, type: ingest_stdin, decoder: json}}
- {{name: out, type: discard, follows: in}}
server: {server}
"""


def job(server: Mapping[str, object]) -> closing[Job]:
    return closing(Job(config.loads(PIPELINE.format(server=json.dumps(server)), "f", Path())))


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody listens on."""
    with socket.create_server((LOCALHOST, 0)) as listener:
        yield f"{LOCALHOST}:{listener.getsockname()[1]}"


def test_probes_have_an_address_of_their_own() -> None:
    port = free_port()
    own = {"listen": f"{LOCALHOST}:0", "health": f"{LOCALHOST}:{port}"}
    with job(own) as made, serving(made) as url:
        for page in (f"http://{LOCALHOST}:{port}/live", f"{url}/healthz"):
            with urlopen(page) as answer:
                assert json.load(answer) == {"status": "alive"}


def test_the_workers_of_a_group_count_its_port_up(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port(3)
    monkeypatch.setenv("FLOWMATRIX_WORKER", "2")
    own = {"listen": f"{LOCALHOST}:0", "health": f"{LOCALHOST}:{port}"}
    with (
        job(own) as made,
        serving(made),
        urlopen(f"http://{LOCALHOST}:{port + 2}/live") as answer,
    ):
        assert answer.status == 200


def test_a_job_that_may_runs_on_where_the_address_is_taken(
    taken: str, caplog: pytest.LogCaptureFixture
) -> None:
    with job({"listen": taken, "optional": True}) as made, serving(made) as url:
        assert url == ""
    assert f"the metrics are not served: cannot listen on {taken}" in caplog.text


@pytest.mark.parametrize("field", ["listen", "health"])
def test_otherwise_an_address_that_is_taken_ends_it(field: str, taken: str) -> None:
    own = {"listen": f"{LOCALHOST}:0", field: taken}
    with job(own) as made, pytest.raises(OSError, match="cannot listen on"), serving(made):
        pass
