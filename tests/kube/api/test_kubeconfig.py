"""Kubeconfig files: what is one, its contexts, and what a context leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.kube.api.errors import ConnectError
from pipeline.kube.api.kubeconfig import contexts, is_kubeconfig, read

CONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}, {name: none, cluster: {}}]
users: [{name: u, user: {token: t}}]
contexts:
- {name: one, context: {cluster: c, user: u}}
- {name: nobody, context: {cluster: c}}
- {name: lost, context: {cluster: gone, user: u}}
- {name: serverless, context: {cluster: none, user: u}}
current-context: one
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "kubeconfig"
    path.write_text(text)
    return path


def test_a_kubeconfig_is_no_inventory(tmp_path: Path) -> None:
    """A kubeconfig is told from an inventory by its kind, in YAML and in JSON."""
    assert is_kubeconfig(written(tmp_path, CONFIG))
    assert is_kubeconfig(written(tmp_path, '{\n  "kind": "Config",\n  "clusters": []\n}'))
    assert not is_kubeconfig(written(tmp_path, "kind: ConfigMap\nmetadata: {name: a}\n"))
    assert not is_kubeconfig(tmp_path / "absent")


def test_its_contexts(tmp_path: Path) -> None:
    """Contexts are listed by name; a file without any is refused."""
    assert contexts(written(tmp_path, CONFIG)) == ["one", "nobody", "lost", "serverless"]
    with pytest.raises(ConnectError, match=r"kubeconfig: not a kubeconfig: it lists no contexts"):
        contexts(written(tmp_path, "- 1"))
    with pytest.raises(ConnectError, match=r"absent: cannot be read: No such file"):
        contexts(tmp_path / "absent")


def test_a_context_leads_to_a_cluster_and_a_user(tmp_path: Path) -> None:
    """The current one where none is named; a user may be missing."""
    path = written(tmp_path, CONFIG)
    found = read(path)
    assert found == ({"server": "https://127.0.0.1:1"}, {"token": "t"}, tmp_path)
    assert read(path, "one") == found
    assert read(path, "nobody").user == {}


@pytest.mark.parametrize(
    ("text", "context", "message"),
    [
        (CONFIG, "two", 'there is no context "two"'),
        (CONFIG, "lost", 'there is no cluster "gone"'),
        (CONFIG, "serverless", 'cluster "none" has no server'),
        ("kind: Config\n", "", "no current-context"),
        ("- 1\n", "", "not a kubeconfig"),
        ("a: [\n", "", "kubeconfig:2:1: error: invalid YAML"),
        ("a: 1\na: 2\n", "", "no current-context"),
    ],
)
def test_a_context_that_leads_nowhere(
    text: str, context: str, message: str, tmp_path: Path
) -> None:
    """A context, cluster or server that is missing is named."""
    with pytest.raises(ConnectError, match=message):
        read(written(tmp_path, text), context)
