"""Ways to a cluster that lead nowhere, and what a kubeconfig is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.kube.connect import ConnectError, Connection, contexts, is_kubeconfig

CONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: one, context: {cluster: c, user: u}}]
current-context: one
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "kubeconfig"
    path.write_text(text)
    return path


def test_a_kubeconfig_is_no_inventory(tmp_path: Path) -> None:
    assert is_kubeconfig(written(tmp_path, CONFIG))
    assert is_kubeconfig(written(tmp_path, '{\n  "kind": "Config",\n  "clusters": []\n}'))
    assert not is_kubeconfig(written(tmp_path, "kind: ConfigMap\nmetadata: {name: a}\n"))
    assert not is_kubeconfig(tmp_path / "absent")


def test_its_contexts(tmp_path: Path) -> None:
    assert contexts(written(tmp_path, CONFIG)) == ["one"]
    with pytest.raises(ConnectError, match=r"kubeconfig: no kubeconfig: it lists no contexts"):
        contexts(written(tmp_path, "- 1"))
    with pytest.raises(ConnectError, match=r"absent: cannot be read: No such file"):
        contexts(tmp_path / "absent")


def test_no_way_to_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConnectError, match="not inside a cluster: Service host/port is not set"):
        Connection()
    with pytest.raises(ConnectError, match=r"kubeconfig: .*Expected object with name two in "):
        Connection(written(tmp_path, CONFIG), "two")
    with pytest.raises(ConnectError, match="kubeconfig: "):
        Connection(written(tmp_path, "kind: Config"))


def test_the_context_that_is_current(tmp_path: Path) -> None:
    assert Connection(written(tmp_path, CONFIG)).host == "https://127.0.0.1:1"
