"""The documents and actions together: by name, described, and made once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from jsonschema import Draft202012Validator

from discovery.ranges import RANGES
from matrix import approved
from matrix.facts import NoFactsError
from page.documents import documents
from page.source import Seen
from pipeline.api.answer import Answer
from pipeline.api.openapi import openapi
from pipeline.api.server import UnansweredError
from pipeline.app.documents import Extra
from pipeline.flows.compressed import Compressed
from tests.support.edge_rows import edge, frame
from tests.support.seen import Fixed, reference_flows, reference_seen

METRIC = """\
kind: FlowMetric
apiVersion: flows.netobserv.io/v1alpha1
metadata: {name: m, namespace: netobserv}
spec: {type: Counter, labels: [DstK8S_Namespace]}
"""
NODE = "ip-10-0-30-68.eu-west-3.compute.internal"


@pytest.fixture
def source(tmp_path: Path) -> Fixed:
    """The reference scenario, with a client that is not approved and an address without a name."""
    found = reference_seen()
    more = frame(
        edge("evil/rogue", "netobserv/flowlogs-pipeline", 2055, server_kind="DaemonSet"),
        edge("netobserv/netobserv-plugin", "203.0.113.77", 443),
    )
    edges = pl.concat([found.edges(), more])
    made = Fixed(found._replace(kept=Compressed(edges)), reference_flows())
    made.approved = tmp_path / "approved.yaml"
    made.approved.write_text(approved.dump(approved.approve(found.edges(), ["netobserv"])))
    made.metrics = tmp_path / "metrics"
    made.metrics.mkdir()
    return made


@pytest.fixture
def made(source: Fixed) -> Mapping[str, Extra]:
    return documents(source, lambda _: RANGES.to_frame())


def schema(made: Mapping[str, Extra], name: str, method: str) -> Draft202012Validator:
    whole = openapi({each: one.described for each, one in made.items()})
    operation = whole["paths"][f"/api/v0/{name}"][method]
    found = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return Draft202012Validator(found | {"components": whole["components"]})


def told(answer: object) -> Any:
    return json.loads(
        answer.plain().body if isinstance(answer, Answer) else msgspec.json.encode(answer)
    )


ASKED: list[tuple[str, dict[str, str]]] = [
    ("matrix", {}),
    ("edges", {"limit": "5", "sort": "-bytes"}),
    ("matrix", {"namespace": "netobserv"}),
    ("peers", {}),
    ("peers", {"namespace": "netobserv", "every": "true"}),
    ("policy", {"namespace": "netobserv"}),
    ("policy", {"namespace": "netobserv", "of": "in_force", "limit": "3"}),
    ("policy/yaml", {"namespace": "netobserv"}),
    ("policy", {"namespace": "netobserv", "direction": "Egress", "default_deny": "true"}),
    ("check", {"from": NODE, "to": "netobserv/flowlogs-pipeline", "port": "2055"}),
    ("check", {"from": "203.0.113.7", "to": "netobserv/flowlogs-pipeline", "port": "1"}),
    ("drift", {}),
    ("drift", {"only": "new", "limit": "1"}),
    ("completeness", {"namespace": "netobserv"}),
    ("metrics", {}),
]


@pytest.mark.parametrize(("name", "query"), ASKED)
def test_answers_are_as_described(
    made: Mapping[str, Extra], name: str, query: dict[str, str]
) -> None:
    answer = made[name].answer
    assert answer
    found = told(answer(query))
    assert [one.message for one in schema(made, name, "get").iter_errors(found)] == []
    assert set(query) <= {one.name for one in made[name].described.parameters}


POSTED: list[tuple[str, dict[str, object]]] = [
    ("peers/preview", {"labels": [{"name": "EXT:x", "cidrs": ["203.0.113.0/24"]}]}),
    ("drift/approve", {"all": True}),
    (
        "drift/mark",
        {
            "edges": [
                [
                    "Deployment",
                    "evil",
                    "rogue",
                    "",
                    "",
                    "DaemonSet",
                    "netobserv",
                    "flowlogs-pipeline",
                    "",
                    "",
                    "TCP",
                    2055,
                ]
            ]
        },
    ),
    ("metrics/preview", {"resource": METRIC}),
    ("metrics/save", {"resource": METRIC}),
]


@pytest.mark.parametrize(("name", "body"), POSTED)
def test_actions_are_as_described(
    made: Mapping[str, Extra], name: str, body: dict[str, object]
) -> None:
    post = made[name].post
    assert post
    found = told(post(json.dumps(body).encode()))
    assert [one.message for one in schema(made, name, "post").iter_errors(found)] == []
    whole = openapi({each: one.described for each, one in made.items()})
    content = whole["paths"][f"/api/v0/{name}"]["post"]["requestBody"]["content"]
    asked = content["application/json"]["schema"] | {"components": whole["components"]}
    assert [one.message for one in Draft202012Validator(asked).iter_errors(body)] == []


def test_every_document_and_action_is_tried() -> None:
    """Applying labels is tried in tests/page/test_labels.py; an edge in tests/page/test_edge.py."""
    tried = {name for name, _ in ASKED} | {name for name, _ in POSTED}
    source = Fixed(reference_seen())
    assert set(documents(source, lambda _: RANGES.to_frame())) - tried == {"peers/apply", "edge"}


def test_an_answer_that_is_not_as_described_would_be_found(made: Mapping[str, Extra]) -> None:
    answer = made["drift"].answer
    assert answer
    found = told(answer({}))
    found["rows"][0]["port"] = "2055"
    assert list(schema(made, "drift", "get").iter_errors(found))


def test_nothing_is_made_twice_for_what_was_seen(source: Fixed) -> None:
    made: list[Seen] = []

    def ranges(seen: Seen) -> pl.DataFrame:
        made.append(seen)
        return RANGES.to_frame()

    answer = documents(source, ranges, share=0)["peers"].answer
    assert answer
    first = answer({})
    assert answer({}) is first
    assert answer({"namespace": ""}) is first
    assert answer({"namespace": "netobserv"}) is not first
    assert len(made) == 2
    source.found = source.found._replace(beyond=1)
    assert answer({}) is not first
    assert len(made) == 3


def test_the_approved_file_is_read_again_when_it_has_changed(made: Mapping[str, Extra]) -> None:
    answer, post = made["drift"].answer, made["drift/approve"].post
    assert answer
    assert post
    assert told(answer({}))["counts"]["new"] == 2
    post(b'{"all": true}')
    assert told(answer({}))["counts"] == {"anomalous": 0, "new": 0, "changed": 0, "gone": 0}


def test_what_is_wrong_with_a_question_is_told(made: Mapping[str, Extra]) -> None:
    answer = made["policy"].answer
    assert answer
    with pytest.raises(UnansweredError, match='"namspace" is not a parameter; did you mean'):
        answer({"namspace": "x"})


class Nothing(Fixed):
    """A source in which no stage counts edges."""

    def read(self) -> Seen:
        raise NoFactsError("no edges are counted: add a stage of type encode_matrix")


def test_without_edges_there_are_no_documents() -> None:
    answer = documents(Nothing(reference_seen()), lambda _: RANGES.to_frame())["peers"].answer
    assert answer
    with pytest.raises(UnansweredError, match="no edges are counted") as caught:
        answer({})
    assert caught.value.status == 404
