"""The two lists of a file as native stages (docs/reference/flowlogs-pipeline.md#graph)."""

from __future__ import annotations

import pytest

from pipeline.config.flp.dialect import Entry, Parameter, Root
from pipeline.config.flp.dialect_encode import Encode
from pipeline.config.flp.dialect_ingest import Ingest
from pipeline.config.flp.dialect_write import Write
from pipeline.config.flp.graph import Placed, stages
from pipeline.diagnostics import Problem
from pipeline.stage import registry
from tests.config.flp.given import START, findings, refused, translated


def test_a_stage_has_a_place_and_tells_where_its_parts_were_written() -> None:
    root = Root(
        pipeline=[Entry(name="w", follows="in")],
        parameters=[
            Parameter(name="in", ingest=Ingest(type="stdin")),
            Parameter(name="w", write=Write(type="none")),
        ],
    )
    assert list(stages(root, registry())) == [
        Placed(
            {"name": "in", "type": "ingest_stdin", "decoder": "json"},
            {(): ("parameters", 0), ("name",): ("parameters", 0, "name")},
        ),
        Placed(
            {"name": "w", "type": "discard", "follows": "in"},
            {
                (): ("parameters", 1),
                ("name",): ("parameters", 1, "name"),
                ("follows",): ("pipeline", 0, "follows"),
                ("follows", 0): ("pipeline", 0, "follows"),
            },
        ),
    ]


def test_an_edge_that_is_given_twice_is_one() -> None:
    text = START.replace("follows: in}", "follows: in}\n- {name: s, follows: in}")
    text += "- {name: s, write: {type: none}}\n"
    assert findings(text) == [("4:22", 'warning: "s" already follows "in"', "")]
    assert translated(text).stages[1] == {"name": "s", "type": "discard", "follows": "in"}


@pytest.mark.parametrize(
    ("parameter", "kind"),
    [
        (Parameter(name="s", encode=Encode(type="otlplogs")), "discard"),
    ],
)
def test_a_stage_that_there_is_not_is_one_problem_and_a_stand_in(
    parameter: Parameter, kind: str
) -> None:
    problem, placed = stages(Root(parameters=[parameter]), registry())
    assert isinstance(problem, Problem)
    assert isinstance(placed, Placed)
    assert placed.document == {"name": "s", "type": kind} | (
        {"decoder": "json"} if kind == "ingest_stdin" else {}
    )


def test_a_type_that_is_not_registered_is_not_supported() -> None:
    root = Root(parameters=[Parameter(name="s", ingest=Ingest(type="stdin"))])
    problem, _ = stages(root, {})
    assert isinstance(problem, Problem)
    assert problem.path == ("parameters", 0, "ingest", "type")


def test_fan_in_fan_out_and_stages_only_named_by_others() -> None:
    translation = translated("""\
pipeline:
- {name: out, follows: b}
- {name: out, follows: a}
- {name: out, follows: b}
- {name: b, follows: in}
- {name: a, follows: in}
parameters:
- {name: out, write: {type: none}}
- {name: a, transform: {type: none}}
- {name: b, extract: {type: none}}
- {name: in, ingest: {type: stdin}}
""")
    assert [problem.message for problem in translation.problems] == ['"out" already follows "b"']
    assert translation.stages == [
        {"name": "out", "type": "discard", "follows": ["b", "a"]},
        {"name": "a", "type": "pass_through", "follows": "in"},
        {"name": "b", "type": "pass_through", "follows": "in"},
        {"name": "in", "type": "ingest_stdin", "decoder": "json"},
    ]
    assert translation.origins["stages", 0, "follows", 1] == ("pipeline", 1, "follows")
    assert translation.origins["stages", 1, "follows"] == ("pipeline", 4, "follows")
    assert translation.origins["stages", 1] == ("parameters", 1)


def test_an_entry_without_parameters() -> None:
    text = f"{START}- {{name: s, write: {{type: none}}}}\n".replace(
        "name: in}\n- ", "name: inn}\n- "
    )
    assert findings(text) == [
        ("2:10", 'no parameters for stage "inn"', 'did you mean "in"?'),
    ]


@pytest.mark.parametrize(
    ("parameter", "message", "hint", "stand_in"),
    [
        ("write: {type: stdot}", 'unknown write type "stdot"', 'did you mean "stdout"?', "discard"),
        ("write: {}", 'stage "s" has no write type', "", "discard"),
    ],
)
def test_a_refused_stage_leaves_a_stand_in(
    parameter: str, message: str, hint: str, stand_in: str
) -> None:
    translation = translated(f"{START}- {{name: s, {parameter}}}\n")
    (problem,) = translation.problems
    assert problem.message.endswith(message)
    assert problem.hint == hint
    assert (translation.stages[1]["name"], translation.stages[1]["type"]) == ("s", stand_in)


def test_a_stage_has_one_kind() -> None:
    message = 'stage "s" needs one of ingest, transform, extract, encode, write'
    assert refused("write: {type: none}, encode: {type: none}") == [(message, "")]
    assert refused("x: 1") == [
        ("unknown field", "fields are name, ingest, transform, extract, encode, write"),
        (message, ""),
    ]


def test_what_follows_an_encoder_of_chains_is_left_to_the_graph() -> None:
    translation = translated(
        START.replace("follows: in}", "follows: in}\n- {name: w, follows: s}")
        + "- {name: w, write: {type: none}}\n"
        + "- {name: s, encode: {type: prom, prom: {metrics: [{name: m, type: counter}]}}}\n"
    )
    assert [stage["name"] for stage in translation.stages] == ["in", "w", "s/m", "s"]
    assert translation.stages[3]["type"] == "discard"


def test_a_pipeline_that_is_written_for_an_agent_reads_standard_input() -> None:
    text = """\
pipeline:
- {name: s, follows: preset-ingester}
parameters:
- {name: s, write: {type: none}}
"""
    assert findings(text) == [
        (
            "2:22",
            (
                'warning: "preset-ingester" is the agent that a pipeline runs in: flows are read '
                "from standard input"
            ),
            "parameters of this name give another source",
        )
    ]
    assert translated(text).stages[0] == {
        "name": "preset-ingester",
        "type": "ingest_stdin",
        "decoder": "json",
    }
    own = text + "- {name: preset-ingester, ingest: {type: file, file: {filename: f}}}\n"
    assert findings(own) == []
    assert [stage["type"] for stage in translated(own).stages] == ["discard", "ingest_file"]
