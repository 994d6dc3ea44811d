"""Strict reading of the dialect (docs/reference/flowlogs-pipeline.md#files)."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.config.flp.dialect import Parameter, Root
from pipeline.config.flp.dialect_encode import Metric
from pipeline.config.flp.reading import Reader
from pipeline.diagnostics import Key
from tests.config.flp.given import findings, stages, translated


def test_what_is_not_given_has_its_default() -> None:
    assert Reader().read({}, Root) == Root()


def test_what_is_wrong_is_left_out_and_the_rest_is_read() -> None:
    reader = Reader()
    data: dict[str, Any] = {"name": "m", "labels": ["a", 7], "valueScale": "x", "buckets": [1, 2]}
    metric = reader.read(data, Metric)
    assert metric == Metric(name="m", buckets=[1.0, 2.0])
    assert {problem.path for problem in reader.problems} == {("valueScale",), ("labels", 1)}


def test_the_document_that_is_read_stays_as_it_is() -> None:
    data: dict[str, Any] = {"NAME": "m", "labels": [7]}
    Reader().read(data, Metric)
    assert data == {"NAME": "m", "labels": [7]}


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (("parameters", 0, "encode", "prom"), ("Parameters", 0, "ENCODE", "Prom")),
        (("parameters", 0, "encode", "type"), ("Parameters", 0, "ENCODE")),
        (("parameters", 0, "encode", Key("prom")), ("Parameters", 0, "ENCODE", Key("Prom"))),
        (("pipeline",), ()),
        ((), ()),
    ],
)
def test_a_path_of_the_structs_leads_to_what_was_written(
    path: tuple[str | int, ...], written: tuple[str | int, ...]
) -> None:
    """Of what was not written, to what is nearest above it; a key stays one."""
    reader = Reader()
    reader.read({"Parameters": [{"ENCODE": {"Prom": {}}}]}, Root)
    found = reader.written(path)
    assert found == written
    assert list(map(type, found)) == list(map(type, written))


def test_free_form_blocks_are_kept_as_written() -> None:
    written = {"selector": {"A": None}}
    read = Reader().read({"extract": {"conntrack": {"scheduling": [written]}}}, Parameter)
    assert read.extract is not None
    assert read.extract.conntrack.scheduling[0].selector == {"A": None}


def test_structure_ignores_case_and_free_form_keys_keep_theirs() -> None:
    translation = translated("""\
PIPELINE: [{NAME: in}, {name: prom, Follows: in}]
Parameters:
- {Name: in, INGEST: {TYPE: stdin}}
- name: prom
  encode:
    type: prom
    PROM: {PREFIX: p_, metrics: [{NAME: m, Type: counter, labels: [A], reMap: {A: camelCase}}]}
""")
    assert translation.problems == []
    assert translation.stages[1:] == [
        {"name": "prom/m/remap", "type": "remap", "follows": "in", "map": {"A": "camelCase"}},
        {
            "name": "prom/m",
            "type": "encode_prometheus",
            "follows": "prom/m/remap",
            "prefix": "p_",
            "metrics": [translation.stages[2]["metrics"][0]],
        },
    ]
    assert translation.stages[2]["metrics"][0]["labels"] == ["camelCase"]


def test_every_deviation_from_the_structure_is_reported_at_its_place() -> None:
    found = findings("""\
pipeline:
- {name: in}
- {name: s, follow: in}
parameters:
- {name: in, ingest: {type: stdin, file: [x]}}
- name: s
  encode:
    type: prom
    prom:
      prefix: 1
      metrics:
      - {name: a, type: counter, valueScale: '1', labels: [x, 2]}
      prefiks: x
""")
    assert [(place, hint) for place, _, hint in found] == [
        ("3:13", 'did you mean "follows"?'),
        ("5:42", ""),
        ("10:15", ""),
        ("12:46", ""),
        ("12:63", ""),
        ("13:7", 'did you mean "prefix"?'),
    ]
    assert found[3][1].startswith("expected number, got")


def test_a_key_given_twice_in_two_cases() -> None:
    assert findings("pipeline: []\nPipeline: []\nparameters: []\n") == [
        ("2:1", '"pipeline" is given twice', "")
    ]


def test_nulls_are_as_good_as_nothing() -> None:
    assert stages("write: {type: stdout, stdout: null}") == [
        {"name": "s", "type": "write_stdout", "follows": "in", "format": "printf"}
    ]
