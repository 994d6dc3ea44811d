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


def test_stages_may_have_servers_of_their_own(tmp_path: Path) -> None:
    """Their metrics are on these alone; self-metrics are on the first one."""
    first, second = free_port(), free_port()
    metrics = "metrics: [{name: flows, labels: [A]}]"
    text = f"""\
stages:
- {{name: in, type: ingest_file, path: flows.jsonl, decoder: json}}
- {{name: all, type: encode_prometheus, follows: in, prefix: all_, {metrics}}}
- {{name: one, type: encode_prometheus, follows: in, prefix: one_, {metrics}}}
- {{name: two, type: encode_prometheus, follows: in, prefix: two_, {metrics}}}
server: {{listen: "{LOCALHOST}:0"}}
metric_servers:
- {{stages: [one], listen: "{LOCALHOST}:{first}"}}
- {{stages: [two], listen: "{LOCALHOST}:{second}"}}
"""
    (tmp_path / "flows.jsonl").write_text('{"A":"x"}\n')
    with closing(Job(config.loads(text, "f", tmp_path))) as made, serving(made) as url:
        made.run()
        pages = [url, *(f"http://{LOCALHOST}:{port}" for port in (first, second))]
        for page, shown in zip(pages, ("all", "one", "two"), strict=True):
            with urlopen(f"{page}/metrics") as answer:
                told = answer.read().decode()
            for name in ("all", "one", "two"):
                assert (f'{name}_flows{{A="x"}} 1' in told) is (name == shown), page
            assert ("flowmatrix_ingest_flows_processed" in told) is (page == url)
        with urlopen(f"{pages[1]}/healthz") as answer:
            assert json.load(answer) == {"status": "alive"}
        assert made.exposer.final().count('_flows{A="x"} 1') == 3
