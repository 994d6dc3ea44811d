"""Writing statuses: what is asked of the server, and when it is asked again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ApiError, UnreachableError
from pipeline.kube.sync import status
from pipeline.kube.sync.flowmetrics import RESOURCE
from pipeline.kube.sync.status import StatusWriter
from tests.real.cluster import eventually


class Answers(ClusterConnection):
    """A connection that fails as told, then takes what it gets."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = deque(errors)
        self.patches: list[tuple[str, Any]] = []

    def fetch(self, path: str, query: object = None, **more: Any) -> bytes:
        if self.errors:
            raise self.errors.popleft()
        assert more["method"] == "PATCH"
        assert more["headers"] == {"Content-Type": "application/merge-patch+json"}
        self.patches.append((path, more["body"]["status"]))
        return b"{}"


READY = {"type": "Ready", "status": "True", "reason": "Ready", "message": ""}
STATUS = {"prometheusName": "m", "conditions": [READY]}
PATH = "/apis/flows.netobserv.io/v1alpha1/namespaces/space/flowmetrics/m/status"
LONG_AGO = "2001-01-01T00:00:00Z"


def resource(generation: int = 1, **more: object) -> dict[str, Any]:
    metadata = {"name": "m", "namespace": "space", "uid": "u", "generation": generation}
    return {"metadata": metadata, **more}


@pytest.fixture
def writers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[StatusWriter]]:
    monkeypatch.setattr(status, "_PAUSE", 0.01)
    made: list[StatusWriter] = []
    yield made
    for writer in made:
        writer.close()


def test_it_is_written_once_per_verdict(writers: list[StatusWriter]) -> None:
    """The same verdict is one patch; another generation is another."""
    server = Answers()
    writers.append(StatusWriter(server, RESOURCE))
    for _ in range(2):
        writers[0].put([(resource(), STATUS)])
        eventually(lambda: len(server.patches) == 1)
    failed = {**STATUS, "conditions": [{**READY, "status": "False"}]}
    writers[0].put([(resource(2), failed)])
    eventually(lambda: len(server.patches) == 2)
    assert [path for path, _ in server.patches] == [PATH, PATH]
    assert [s["conditions"][0]["status"] for _, s in server.patches] == ["True", "False"]


def test_what_is_there_already_is_not_written(writers: list[StatusWriter]) -> None:
    """A status that the server has needs no patch."""
    server = Answers()
    writers.append(StatusWriter(server, RESOURCE))
    present = {**STATUS, "conditions": [{**READY, "lastTransitionTime": LONG_AGO}]}
    writers[0].put([(resource(status=present), STATUS)])
    writers[0].put([(resource(2, status=present), {**STATUS, "prometheusName": "n"})])
    eventually(lambda: bool(server.patches))
    ((_, written),) = server.patches
    assert written["prometheusName"] == "n"
    assert written["conditions"][0]["lastTransitionTime"] == LONG_AGO


@pytest.mark.parametrize("error", [UnreachableError("away"), ApiError(503, ""), ApiError(409, "")])
def test_what_may_pass_is_tried_again(error: Exception, writers: list[StatusWriter]) -> None:
    """Conflicts and server errors are tried again until they pass."""
    server = Answers(error, error)
    writers.append(StatusWriter(server, RESOURCE))
    writers[0].put([(resource(), STATUS)])
    eventually(lambda: len(server.patches) == 1)
    assert writers[0].problem == ""


def test_what_is_forbidden_is_said_once_and_tried_with_the_next_report(
    writers: list[StatusWriter], caplog: pytest.LogCaptureFixture
) -> None:
    """A missing right is logged once and not asked for in a loop."""
    server = Answers(ApiError(403, "no right"), ApiError(403, "no right"))
    writers.append(StatusWriter(server, RESOURCE))
    for left in (1, 0):
        writers[0].put([(resource(), STATUS)])
        eventually(lambda left=left: len(server.errors) == left)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        eventually(lambda: bool(writers[0].problem))
    assert writers[0].problem == "the status of flowmetrics cannot be written: no right"
    assert len(caplog.records) == 1
    writers[0].put([(resource(), STATUS)])
    eventually(lambda: writers[0].problem == "")
    assert len(server.patches) == 1
