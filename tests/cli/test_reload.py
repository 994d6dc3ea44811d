"""`run` while its configuration changes under it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipeline.files import write
from tests.real.cluster import eventually

pytestmark = pytest.mark.slow

COMMAND = Path(sys.executable).with_name("flowmatrix")
CONFIG = """\
stages:
  - {name: flows, type: ingest_stdin, decoder: json}
  - {name: metrics, type: flow_metrics, follows: flows, files: [metrics]}
  - {name: expose, type: encode_prometheus, follows: metrics}
"""
METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {{name: {name}}}
spec: {{type: Counter, labels: [{label}]}}
"""


class Run:
    """A run that reads flows from a pipe."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.config.write_text(CONFIG + settings)
        (folder / "metrics").mkdir()
        self.metric("one", "Proto")
        self.metric("two", "Proto")
        self.process = subprocess.Popen(
            [COMMAND, "run", self.config, "--listen", "127.0.0.1:0"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stderr
        said = self.process.stderr.readline().decode()
        found = re.search(r"serving (http\S+)/metrics", said)
        assert found, said
        self.url = found[1]

    def metric(self, name: str, label: str) -> None:
        written = METRIC.format(name=name, label=label)
        write(self.folder / "metrics" / f"{name}.yaml", written)

    def flow(self) -> None:
        assert self.process.stdin
        self.process.stdin.write(b'{"Proto": 6, "Dscp": 1}\n')
        self.process.stdin.flush()

    def page(self, path: str) -> str:
        with urlopen(f"{self.url}{path}") as answer:
            text: str = answer.read().decode()
            return text

    def shows(self, *lines: str) -> None:
        eventually(lambda: set(lines) <= set(self.page("/metrics").splitlines()))

    def end(self) -> str:
        """End it in order; what it has said."""
        self.process.terminate()
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(60) == 0
        assert self.process.stderr
        with self.process.stderr as said:
            return said.read().decode()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("info", "INFO    app.reloader: the configuration was reloaded\n"),
        ("warning", ""),
    ],
)
def test_the_log_level(tmp_path: Path, level: str, said: str) -> None:
    run = Run(tmp_path, f"log_level: {level}\n")
    run.process.send_signal(signal.SIGHUP)
    run.shows("flowmatrix_config_reload_success 1")
    *logged, account = run.end().splitlines(keepends=True)
    assert "".join(line.partition(" ")[2] for line in logged) == said, "after the time"
    assert account.startswith("0 read, ")


def test_files_and_signals_reload_while_flows_come(run: Run) -> None:
    run.flow()
    run.shows('one{Proto="6"} 1', 'two{Proto="6"} 1')
    run.metric("two", "Dscp")
    run.shows("flowmatrix_config_reload_success 1")
    run.flow()
    run.shows('one{Proto="6"} 2', 'two{Dscp="1"} 1')
    run.process.send_signal(signal.SIGHUP)
    run.shows("flowmatrix_config_reload_success 2", 'one{Proto="6"} 2')

    write(run.config, CONFIG.replace("flow_metrics", "flow_metric"))
    run.shows("flowmatrix_config_reload_failures 1", "flowmatrix_config_refused 1")
    ready = json.loads(run.page("/readyz"))
    assert ready["status"] == "ready"
    assert 'unknown stage type "flow_metric"' in ready["reload"]
    assert 'did you mean "flow_metrics"?' in ready["reload"]
    run.flow()
    run.shows('one{Proto="6"} 3', 'two{Dscp="1"} 2')
    write(run.config, CONFIG)
    run.shows("flowmatrix_config_reload_success 3", "flowmatrix_config_refused 0")
    assert json.loads(run.page("/readyz")) == {"status": "ready"}
