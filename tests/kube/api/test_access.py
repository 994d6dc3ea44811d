"""The API server of a stage: what is wrong with its settings before anything connects."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.diagnostics import Problem
from pipeline.kube.api.access import Access
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.errors import ConnectError

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: staging, context: {cluster: c, user: u}}]
current-context: staging
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file `kubeconfig`."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    return tmp_path


@pytest.mark.parametrize("context", ["", "staging"])
def test_a_context_that_is_there(folder: Path, context: str) -> None:
    """Relative names are under the configuration's folder."""
    access = Access(kubeconfig="kubeconfig", context=context)
    assert list(access.check(folder)) == []
    assert isinstance(access.connect(folder), ClusterConnection)


@pytest.mark.parametrize(
    ("access", "problem"),
    [
        (
            Access(context="staging"),
            Problem(
                ("context",),
                "a context is one of a kubeconfig file",
                "set `kubeconfig`, the file with the context",
            ),
        ),
        (
            Access(kubeconfig="kubeconfig", context="stagin"),
            Problem(
                ("context",),
                'kubeconfig has no context "stagin"',
                'did you mean "staging"?',
            ),
        ),
        (
            Access(kubeconfig="kubeconfig", context="production"),
            Problem(("context",), 'kubeconfig has no context "production"', "it has staging"),
        ),
    ],
)
def test_what_is_wrong(folder: Path, access: Access, problem: Problem) -> None:
    assert list(access.check(folder)) == [problem]


def test_a_file_that_is_not_there(folder: Path) -> None:
    """It is a problem of the configuration, and an error of who connects all the same."""
    access = Access(kubeconfig="absent")
    (problem,) = access.check(folder)
    assert problem.path == ("kubeconfig",)
    assert "absent: cannot be read" in problem.message
    with pytest.raises(ConnectError, match="absent"):
        access.connect(folder)
