"""The real Prometheus of the tests scrapes an exposition and answers for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.real.prometheus import Prometheus, Sample, promtool

pytestmark = pytest.mark.real

EXPOSITION = """\
# HELP netobserv_workload_syn_in Incoming connections.
# TYPE netobserv_workload_syn_in counter
netobserv_workload_syn_in{namespace="netobserv",from_kind="Node",port="8080",job="shown"} 3
netobserv_workload_syn_in{namespace="default",from_kind="Pod",port="443",job="shown"} 1
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(EXPOSITION.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def target() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        Thread(target=server.serve_forever).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def scrape(target: str, *, honor: bool) -> dict[str, object]:
    job = {
        "job_name": "engine",
        "honor_labels": honor,
        "scrape_interval": "1s",
        "static_configs": [{"targets": [target], "labels": {"instance": "one"}}],
    }
    return {"scrape_configs": [job]}


def test_a_query_selects_scraped_series(
    new_prometheus: Callable[[Mapping[str, object]], Prometheus], target: str
) -> None:
    prometheus = new_prometheus(scrape(target, honor=True))
    selector = 'netobserv_workload_syn_in{namespace="netobserv"}'
    labels = {
        "__name__": "netobserv_workload_syn_in",
        "namespace": "netobserv",
        "from_kind": "Node",
        "port": "8080",
        "instance": "one",
        "job": "shown",
    }
    assert prometheus.wait(selector) == [Sample(labels, 3.0)]
    assert prometheus.query(f"sum by (port) ({selector})") == [Sample({"port": "8080"}, 3.0)]
    with pytest.raises(RuntimeError, match="parse error"):
        prometheus.query("sum(")


def test_a_reloaded_configuration_is_in_force(
    new_prometheus: Callable[[Mapping[str, object]], Prometheus], target: str
) -> None:
    prometheus = new_prometheus({"scrape_configs": []})
    assert prometheus.query("netobserv_workload_syn_in") == []
    prometheus.reload(scrape(target, honor=False))
    [sample] = prometheus.wait('netobserv_workload_syn_in{namespace="default"}')
    assert (sample.labels["job"], sample.labels["exported_job"]) == ("engine", "shown")


@pytest.mark.usefixtures("new_prometheus")
def test_promtool_judges_an_exposition() -> None:
    assert promtool("check", "metrics", text=EXPOSITION.replace("_in", "_total")).returncode == 0
    broken = promtool("check", "metrics", text="x{ 1\n")
    assert broken.returncode == 1
    assert "error while linting" in broken.stderr
