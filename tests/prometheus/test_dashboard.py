"""The dashboard of the dev stack: its queries on a real Prometheus fed by two real workers."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.real.kafka import Kafka
from tests.real.listeners import Security
from tests.real.parts import LOCALHOST, Server, call, free_port
from tests.real.prometheus import Prometheus, Sample, promtool

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("flowmatrix"))
DOCUMENT = (ROOT / "docs" / "kafka.md").read_text()
WALK = re.findall("```sh\n(.*)\n```", DOCUMENT.split("## Without containers")[1].split("\n## ")[0])
DASHBOARD = json.loads((ROOT / "compose/grafana/dashboards/flow-matrix.json").read_text())
PANELS = {p["title"]: p for p in DASHBOARD["panels"] if p["type"] != "row"}
MATRIX = {
    "Connections opened by $namespace": 12,
    "Connections accepted by $namespace": 16,
    "From nodes": 2,
    "From all but nodes": 4,
}
"""The rows of the reference scenario's tables."""

DRIFT = {
    "Edges that differ": {
        '{state="new"}': 2,
        '{state="anomalous"}': 1,
        '{state="gone"}': 1,
    },
    "Which edges differ": {
        '{edge="a -> b 1/TCP",namespace="shop",state="new"}': 1,
        '{edge="a -> c 1/TCP",namespace="shop",state="new"}': 1,
        '{edge="a -> d 1/TCP",namespace="shop",state="anomalous"}': 1,
        '{edge="a -> e 1/TCP",namespace="shop",state="gone"}': 0,
    },
}
"""What the panels about drift show of two workers, which have seen some edges both."""

Start = Callable[[Mapping[str, object]], Prometheus]


def asked(panel: Mapping[str, Any]) -> str:
    """The query of a panel, its variables replaced as Grafana does."""
    (target,) = panel["targets"]
    query: str = target["expr"].replace("$namespace", "netobserv")
    return query.replace("$__rate_interval", "1m")


class Walk(NamedTuple):
    """What a newcomer has running who follows docs/kafka.md without containers."""

    prometheus: Prometheus
    top: list[str]


@pytest.fixture
def walk(
    new_kafka: Callable[[Security | None], Kafka], new_prometheus: Start, tmp_path: Path
) -> Iterator[Walk]:
    """The commands of the document as they stand there, but for ports."""
    broker = new_kafka(None)
    ports = {"9102": free_port(), "9103": free_port()}
    places = {"localhost:9092": broker.bootstrap, ".venv/bin/flowmatrix": COMMAND}
    places |= {f"127.0.0.1:{usual}": f"{LOCALHOST}:{port}" for usual, port in ports.items()}
    make, simulate, *workers, prometheus, top = shlex_split(WALK, places)
    assert make == ["make", "kafka"]
    config = yaml.safe_load((ROOT / prometheus[1].removeprefix("--config.file=")).read_text())
    config["global"]["scrape_interval"] = "1s"
    (job,) = config["scrape_configs"]
    (static,) = job["static_configs"]
    static["targets"] = [places[target] for target in static["targets"]]
    with ExitStack() as stack:
        feed = stack.enter_context(Server(simulate, tmp_path / "simulate.log"))
        feed.start(lambda: True)
        for command, port in zip(workers, ports.values(), strict=True):
            command[2] = str(ROOT / command[2])
            run = ["env", f"KAFKA={broker.bootstrap}", *command]
            worker = stack.enter_context(Server(run, tmp_path / f"{port}.log"))
            worker.start(partial(ready, port))
        yield Walk(new_prometheus(config), top)


def shlex_split(blocks: list[str], places: Mapping[str, str]) -> list[list[str]]:
    """The commands as lists of words, with other places in them."""
    for usual, place in places.items():
        blocks = [block.replace(usual, place) for block in blocks]
    return [shlex.split(block) for block in blocks]


def ready(port: int) -> bool:
    return call(port, "/readyz").status == 200


def at_least(rows: int, found: list[Sample]) -> bool:
    return len(found) >= rows


def test_every_panel_has_data(walk: Walk) -> None:
    prometheus = walk.prometheus
    (variable,) = DASHBOARD["templating"]["list"]
    metric, label = variable["definition"].removeprefix("label_values(").rstrip(")").split(", ")
    prometheus.wait(f'{metric}{{{label}="netobserv"}}')
    (query,) = re.findall("```promql\n(.*)\n```", DOCUMENT)
    accepted = MATRIX["Connections accepted by $namespace"]
    assert len(prometheus.wait(query, partial(at_least, accepted))) == accepted
    for title, panel in PANELS.items():
        if title in DRIFT:
            continue  # nothing is approved there
        rows = MATRIX.get(title, 1)
        found = prometheus.wait(asked(panel), partial(at_least, rows))
        if title in MATRIX:
            assert len(found) == rows, title
            columns = panel["transformations"][0]["options"]["indexByName"]
            assert {name for row in found for name in row.labels} <= set(columns)
    done = subprocess.run([*walk.top, "--once"], capture_output=True, text=True, check=True)
    shown = [line.split()[1] for line in done.stdout.splitlines()[1:13]]
    assert shown == [str(number) for number in range(12)]


def test_panels_do_not_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        wide, high = range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])
        taken = {(x, y) for x in wide for y in high}
        assert cells.isdisjoint(taken), panel["title"]
        assert max(wide) < 24
        cells |= taken
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def named(worker: str, edge: str, **labels: str) -> str:
    """A series of a worker about an edge of the namespace shop."""
    metric = "flowmatrix_drift_edge" if labels else "flowmatrix_drift_approved_seen"
    given = {"instance": worker, "namespace": "shop", "edge": f"a -> {edge} 1/TCP", **labels}
    return f"{metric}{{{','.join(f'{name}={value!r}' for name, value in given.items())}}}"


@pytest.mark.real
def test_panels_about_drift_put_workers_together(tmp_path: Path) -> None:
    """Each edge once, whoever has seen it; gone is what no worker has seen."""
    held = {
        named("one", "b", state="new"): 1,
        named("two", "b", state="new"): 1,
        named("two", "c", state="new"): 1,
        named("one", "d", state="anomalous"): 1,
        named("one", "e"): 0,
        named("two", "e"): 0,
        named("one", "f"): 0,
        named("two", "f"): 1,
    }
    series = [{"series": name.replace("'", '"'), "values": f"{n}x5"} for name, n in held.items()]
    asked_ = [
        {
            "expr": asked(PANELS[title]),
            "eval_time": "1m",
            "exp_samples": [{"labels": labels, "value": n} for labels, n in found.items()],
        }
        for title, found in DRIFT.items()
    ]
    case = {"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": asked_}]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(case))
    done = promtool("test", "rules", str(tmp_path / "test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
