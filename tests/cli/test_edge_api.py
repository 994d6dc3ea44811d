"""The API of a worker, with real answers held against its own description."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from jsonschema import Draft202012Validator

from pipeline.api.server import Server
from pipeline.app.job import Job
from pipeline.cli import edge_api
from pipeline.cli.sighting import told
from pipeline.config.loader import load
from pipeline.kube.subnets import Label
from simulate import Simulation
from tests.support.commands import document

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(made: Simulation) -> Iterator[Server]:
    """A worker that has counted the reference scenario."""
    job = Job(load(made.config))
    job.run()
    with job.server("127.0.0.1:0", edge_api.documents(edge_api.Edges(job))) as running:
        yield running
    job.close()


def asked(server: Server, name: str, **query: object) -> Any:
    with urlopen(f"{server.url}/api/v0/{name}?{urlencode(query)}") as page:
        return json.load(page)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("flowmetrics", {}),
        ("series", {}),
        ("totals", {}),
        ("progress", {}),
        ("who", {"address": "10.128.0.3"}),
        ("inventory", {}),
        ("labels", {}),
        ("edges", {}),
        ("edges", {"namespace": "netobserv", "limit": 3, "collapse": "nodes"}),
        ("edges", {"only": "denied"}),
        ("openapi.json", {}),
    ],
)
def test_answers_are_as_described(server: Server, name: str, query: dict[str, object]) -> None:
    described = asked(server, "openapi.json")
    get = described["paths"][f"/api/v0/{name}"]["get"]
    schema = get["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator(schema | {"components": described["components"]})
    answer = asked(server, name, **query)
    assert [error.message for error in validator.iter_errors(answer)] == []
    assert set(query) <= {parameter["name"] for parameter in get["parameters"]}


def test_an_answer_that_is_not_as_described_would_be_found(server: Server) -> None:
    described = asked(server, "openapi.json")
    schema = {"$ref": "#/components/schemas/EdgePage", "components": described["components"]}
    answer = asked(server, "edges", limit=1)
    answer["rows"][0]["port"] = "443"
    assert list(Draft202012Validator(schema).iter_errors(answer))


def test_failures_are_as_described(server: Server) -> None:
    with pytest.raises(HTTPError, match="400") as caught:
        asked(server, "edges", port="x")
    assert json.load(caught.value) == {"error": 'port: "x" is not a number'}
    caught.value.close()


def test_edges_are_those_of_the_command(server: Server, made: Simulation) -> None:
    """With the objects of the worker: the API server's Service is joined with its nodes."""
    found = asked(server, "edges", namespace="netobserv")
    rows = document(made.config, "-n", "netobserv", "--sort", "name")["rows"]
    assert sorted(found["rows"], key=str) == sorted(rows, key=str)
    assert any(row["services"] == ["default/kubernetes:443"] for row in found["rows"])
    for more in ([], ["--inventory", made.inventory]):
        remote = document("--server", server.url, "-n", "netobserv", *more)
        assert sorted(remote["rows"], key=str) == sorted(rows, key=str)


def test_edges_are_made_again_only_when_there_are_new_flows(made: Simulation) -> None:
    job = Job(load(made.config))
    edges = edge_api.Edges(job)
    none = edges.read()
    assert none.edges().height == 0
    job.run()
    some = edges.read()
    assert some.edges().height > 0
    assert edges.read() is some
    job.close()


def test_an_index_that_was_read_again_gives_way_to_its_equal(
    made: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was seen stays the same object, and nothing of the former index is held."""

    class Labels(list[Label]):
        """A list that says when it is gone."""

    job = Job(load(made.config))
    known, labels = told(job)
    assert known is not None
    first, second = (known._replace(labels=Labels(known.labels or ())) for _ in range(2))
    gone = weakref.ref(first.labels)
    now = [first]
    monkeypatch.setattr(edge_api, "told", lambda _: (now[0], labels))
    edges = edge_api.Edges(job)
    seen = edges.read()
    kinds = [one["kind"] for one in seen.manifests]
    assert "Pod" in kinds
    now[0] = second
    del known, first
    assert edges.read() is seen
    assert gone() is None
    assert [one["kind"] for one in seen.manifests] == kinds
    now[0] = second._replace(slices=[])
    assert edges.read() is not seen
    job.close()


def test_without_a_stage_that_counts_edges_there_are_none(made: Simulation) -> None:
    job = Job(load(made.flp_config))
    with job.server("127.0.0.1:0", edge_api.documents(edge_api.Edges(job))) as running:
        with pytest.raises(HTTPError, match="404") as caught:
            asked(running, "edges")
        assert "add a stage of type encode_matrix" in json.load(caught.value)["error"]
        caught.value.close()
    job.close()
