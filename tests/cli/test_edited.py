"""`--state` after a FlowMetric was edited: counts of the whole input, or a run that is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from pipeline.cli import main; main()"]
PIPELINE = """\
stages:
- {name: in, type: ingest_file, path: flows.jsonl, decoder: json}
- {name: metrics, type: flow_metrics, follows: in, files: [metrics]}
- {name: expose, type: encode_prometheus, follows: metrics, prefix: n_}
- {name: bytes, type: encode_prometheus, follows: in, metrics: [{name: all_bytes, value: Bytes}]}
"""
METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {name: NAME, namespace: netobserv}
spec: {type: Counter, valueField: Bytes, labels: [Proto], filters: FILTERS}
"""
TCP = '[{field: Proto, value: "6"}]'


class Done(NamedTuple):
    """How a run ended: exit status, the samples of /metrics that are ours, what it said."""

    code: int
    samples: dict[str, float]
    said: str


def metric(folder: Path, name: str, filters: str = "[]") -> None:
    (folder / "metrics").mkdir(exist_ok=True)
    text = METRIC.replace("NAME", name).replace("FILTERS", filters)
    (folder / "metrics" / f"{name}.yaml").write_text(text)


def flows(folder: Path, *amounts: int, then: bytes = b"") -> None:
    """Flows of TCP and UDP in turn."""
    lines = [{"Proto": 17 if n % 2 else 6, "Bytes": a} for n, a in enumerate(amounts)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "flows.jsonl").write_bytes(text.encode() + then)


def run(folder: Path, *options: str) -> Done:
    out = folder / "out.prom"
    out.unlink(missing_ok=True)
    command = [*COMMAND, "run", "pipeline.yaml", "--once", "--state", "state"]
    done = subprocess.run(
        [*command, "--metrics-out", "out.prom", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    lines = out.read_text().splitlines() if out.exists() else []
    ours = [line.rpartition(" ") for line in lines if line.startswith(("n_", "all_"))]
    return Done(done.returncode, {name: float(text) for name, _, text in ours}, done.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A first run with a state."""
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    metric(tmp_path, "sent")
    flows(tmp_path, 1, 2, 4)
    assert run(tmp_path).samples == {
        'n_sent{Proto="17"}': 2,
        'n_sent{Proto="6"}': 5,
        "all_bytes": 7,
    }
    return tmp_path


def test_it_is_counted_from_the_start_of_the_input(folder: Path) -> None:
    """It alone; going back gives the first counts again, and what is new counts once."""
    metric(folder, "sent", TCP)
    edited = run(folder)
    assert (edited.code, edited.samples) == (0, {'n_sent{Proto="6"}': 5, "all_bytes": 7})
    assert "metric n_sent has changed: it is counted from the start of in" in edited.said
    flows(folder, 1, 2, 4, 8)
    metric(folder, "sent")
    back = run(folder)
    assert back.samples == {'n_sent{Proto="17"}': 10, 'n_sent{Proto="6"}': 5, "all_bytes": 15}
    again = run(folder)
    assert again.samples == back.samples
    assert "from the start" not in again.said


def test_a_metric_that_is_added_counts_the_whole_input_too(folder: Path) -> None:
    metric(folder, "tcp", TCP)
    assert run(folder).samples == {
        'n_sent{Proto="17"}': 2,
        'n_sent{Proto="6"}': 5,
        'n_tcp{Proto="6"}': 5,
        "all_bytes": 7,
    }
    (folder / "metrics" / "tcp.yaml").unlink()
    run(folder)
    metric(folder, "tcp", TCP)
    assert run(folder).samples['n_tcp{Proto="6"}'] == 5


def test_it_is_refused_where_the_input_is_not_there_any_more(folder: Path) -> None:
    """Nothing is lost: undoing the change gives all counts."""
    flows(folder, 100)
    assert run(folder).samples["all_bytes"] == 107
    metric(folder, "sent", TCP)
    refused = run(folder)
    assert (refused.code, refused.samples) == (1, {})
    assert "error: metric n_sent has changed, and of what was counted 3 messages" in refused.said
    assert "give another --state folder" in refused.said
    metric(folder, "sent")
    undone = run(folder)
    assert undone.samples == {
        'n_sent{Proto="17"}': 2,
        'n_sent{Proto="6"}': 105,
        "all_bytes": 107,
    }


def test_a_new_name_goes_on_without_what_is_gone(folder: Path) -> None:
    """As the refusal says; what the metric lacks is said."""
    flows(folder, 100)
    run(folder)
    (folder / "metrics" / "sent.yaml").unlink()
    metric(folder, "tcp", TCP)
    done = run(folder)
    assert done.samples == {'n_tcp{Proto="6"}': 100, "all_bytes": 107}
    assert "metric n_tcp is new: 3 messages of inputs before this one are not in it" in done.said


def test_it_is_refused_where_the_input_is_shorter(folder: Path) -> None:
    flows(folder, *range(2_000))
    run(folder, "--state", "long")
    flows(folder, *range(1_500))
    metric(folder, "sent", TCP)
    refused = run(folder, "--state", "long")
    assert refused.code == 1
    assert 'the input of stage "in" has 500 messages less than were counted' in refused.said


def test_what_it_rejects_on_the_way_is_said_and_kept(folder: Path) -> None:
    """A message that was rejected before is not rejected again."""
    flows(folder, 1, 2, then=b'junk\n{"Proto":6,"Bytes":-3}\n')
    assert run(folder, "--state", "other").code == 0
    metric(folder, "sent", TCP)
    edited = run(folder, "--state", "other", "--dead-letters", "letters.jsonl")
    assert edited.samples == {'n_sent{Proto="6"}': 1, "all_bytes": 3}
    [letter] = map(json.loads, (folder / "letters.jsonl").read_text().splitlines())
    assert letter["reason"] == 'metric sent: Bytes "-3" is negative'
    assert "0 read" in edited.said
