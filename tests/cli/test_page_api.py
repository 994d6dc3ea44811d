"""The page of a worker: its files and documents, as a browser gets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from jsonschema import Draft202012Validator

from pipeline.api.server import Server
from pipeline.app.job import Job
from pipeline.cli import edge_api, page_api
from pipeline.config.loader import load
from simulate import Simulation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(made: Simulation) -> Iterator[Server]:
    """A worker that has counted the reference scenario."""
    job = Job(load(made.config))
    edges = edge_api.Edges(job, made.config)
    extra = page_api.worker_documents(job, edges, "a worker")
    job.run()
    with job.server("127.0.0.1:0", extra, page_api.page_files()) as running:
        yield running
    job.close()


def asked(server: Server, path: str) -> Any:
    with urlopen(f"{server.url}{path}") as page:
        return json.load(page)


def test_the_page_and_its_views(server: Server) -> None:
    with urlopen(server.url) as page:
        assert page.url == f"{server.url}/page/"
        assert b"<!doctype html>" in page.read()
    with urlopen(f"{server.url}/page/views/health.js") as page:
        assert page.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        *(("about", ""), ("health", ""), ("flows", "limit=3"), ("matrix", "namespace=netobserv")),
        *(("peers", ""), ("completeness", ""), ("policy", "namespace=netobserv"), ("edges", "")),
        ("flows", "query=DstPort=2055&both=true&columns=SrcAddr,NetworkEvents"),
    ],
)
def test_answers_are_as_described(server: Server, name: str, query: str) -> None:
    described = asked(server, "/api/v0/openapi.json")
    get = described["paths"][f"/api/v0/{name}"]["get"]
    schema = get["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator(schema | {"components": described["components"]})
    validator.validate(asked(server, f"/api/v0/{name}?{query}"))


def test_what_a_worker_knows_of_itself(server: Server, made: Simulation) -> None:
    assert asked(server, "/api/v0/about")["can"] == ["apply", "metrics", "flows"]
    (worker,) = asked(server, "/api/v0/health")["workers"]
    assert worker["stages"][0]["flows_in"] == made.flows
    flows = asked(server, "/api/v0/flows?limit=5000&columns=Bytes")
    assert flows["held"] == flows["total"] == len(flows["values"][0]) == made.flows
    assert {edge["port"] for edge in flows["edges"]} >= {2055, 8080}
