"""`graph`."""

from __future__ import annotations

from pathlib import Path

from simulate import Simulation
from tests.support.commands import flowmatrix


def test_graph_shows_shared_stages_once(made: Simulation) -> None:
    text = flowmatrix("graph", made.config).stdout
    assert text.count("[flatten]") == 1
    assert text.count("[encode_prometheus]") == 2
    assert "-> netobserv_workload_syn_out" in text
    assert "(shared by" in text
    assert flowmatrix("graph", made.config, "--format", "dot").stdout.startswith("digraph plan {")
    mermaid = flowmatrix("graph", made.config, "--format", "mermaid").stdout.splitlines()
    assert mermaid[0] == "flowchart TD"
    assert '  s0["flows: ingest_file"]' in mermaid


def test_a_refused_configuration_is_not_drawn(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("stages: []\n")
    done = flowmatrix("graph", path)
    assert (done.exit_code, done.stdout) == (78, "")
    assert str(path) in done.stderr
