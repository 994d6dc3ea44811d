"""A plan as text, Mermaid and DOT."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import config
from pipeline.plan import render
from pipeline.plan.compile import compile_plan
from pipeline.plan.plan import Plan
from pipeline.stage import BuildContext

PIPELINE = """\
stages:
- {name: in, type: ingest_stdin, decoder: json}
- {name: tcp, type: filter, follows: in, match: [{field: Proto, value: "6"}]}
- {name: same, type: filter, follows: in, match: [{field: Proto, value: "6"}]}
- name: count
  type: encode_prometheus
  follows: tcp
  prefix: p_
  metrics: [{name: flows}, {name: bytes, value: Bytes}]
- {name: 'say "it"', type: write_stdout, follows: [same, in]}
"""


@pytest.fixture
def plan() -> Plan:
    """Two stages that are the same, a fan-in, and a name with quotes."""
    loaded = config.loads(PIPELINE, "p.yaml", Path(), environ={})
    return compile_plan(loaded.stages, BuildContext(folder=Path()))


def test_text_is_a_tree_from_each_source(plan: Plan) -> None:
    """A stage that serves two names says so; one that follows two stages stands under both."""
    assert render.text(plan).splitlines() == [
        "in [ingest_stdin]",
        "  tcp [filter]  (shared by tcp, same)",
        "    count [encode_prometheus] -> p_flows, p_bytes",
        '    say "it" [write_stdout]',
        '  say "it" [write_stdout]',
    ]


def test_mermaid_has_a_line_for_each_stage_and_each_arrow(plan: Plan) -> None:
    lines = render.mermaid(plan).splitlines()
    assert lines[0] == "flowchart TD"
    titles = {
        line.strip().partition("[")[2][1:-2]: line.strip().partition("[")[0]
        for line in lines
        if "[" in line
    }
    assert set(titles) == {
        "in: ingest_stdin",
        "tcp: filter (shared by 2)",
        "count: encode_prometheus -> p_flows, p_bytes",
        'say \\"it\\": write_stdout',
    }
    source, tcp, count, say = (
        next(number for title, number in titles.items() if title.startswith(name))
        for name in ("in", "tcp", "count", "say")
    )
    arrows = {line.strip() for line in lines if "-->" in line}
    assert arrows == {
        f"{source} --> {tcp}",
        f"{tcp} --> {count}",
        f"{tcp} --> {say}",
        f"{source} --> {say}",
    }


def test_dot_names_stages_as_they_are_called(plan: Plan) -> None:
    text = render.dot(plan)
    assert text.startswith("digraph plan {\n")
    assert text.endswith("}\n")
    assert '  "in" -> "tcp";\n' in text
    assert '  "tcp" -> "say \\"it\\"";\n' in text
    assert '  "tcp" [label="tcp: filter (shared by 2)"];\n' in text
    assert text.count(' -> "') == 4
