"""Kubeconfig files: what is one, its contexts, and what a context leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.kube.api.errors import ConnectError
from pipeline.kube.api.kubeconfig import contexts, default_files, is_kubeconfig, read

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


def test_the_files_are_those_of_kubectl(tmp_path: Path) -> None:
    """Those of the variable that are there, or else the one of the home folder."""
    usual = tmp_path / ".kube" / "config"
    home = {"HOME": str(tmp_path)}
    assert default_files(home) == []
    usual.parent.mkdir()
    usual.write_text(CONFIG)
    assert default_files(home) == [usual]
    one, gone = written(tmp_path, CONFIG), tmp_path / "gone"
    assert default_files({**home, "KUBECONFIG": f"{gone}:{one}::{usual}"}) == [one, usual]
    assert default_files({**home, "KUBECONFIG": str(gone)}) == []
    assert default_files({}) == []


def test_several_files_are_one(tmp_path: Path) -> None:
    """Of one name the first holds; names of files are under the folder of their file."""
    first, second = tmp_path / "a" / "one", tmp_path / "b" / "two"
    for file in (first, second):
        file.parent.mkdir()
    first.write_text(
        """\
kind: Config
contexts: [{name: dev, context: {cluster: shared, user: me}}]
users: [{name: me, user: {tokenFile: secrets/token}}]
"""
    )
    second.write_text(
        """\
kind: Config
current-context: dev
contexts: [{name: dev, context: {cluster: other, user: you}}, {name: prod, context: {cluster: o}}]
clusters: [{name: shared, cluster: {server: "https://s", certificate-authority: ca.crt}}]
users: [{name: me, user: {token: not-this}}]
"""
    )
    found = read([first, second])
    authority = str(tmp_path / "b" / "ca.crt")
    assert found.cluster == {"server": "https://s", "certificate-authority": authority}
    assert found.user == {"tokenFile": str(tmp_path / "a" / "secrets" / "token")}
    assert found.folder == tmp_path / "a"
    assert contexts([first, second]) == ["dev", "dev", "prod"]
    with pytest.raises(ConnectError, match=f'{first}, {second}: there is no context "none"'):
        read([first, second], "none")


def test_a_file_is_named_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConnectError, match=r"^sub/absent: cannot be read: No such file"):
        read(Path("sub/absent"))


@pytest.mark.parametrize("kind", ["kind: Config", "  \t'kind' : \"Config\" , \r", "kind:\n Config"])
def test_the_kind_is_found_behind_empty_lines(tmp_path: Path, kind: str) -> None:
    """They took quadratic time."""
    path = tmp_path / "config"
    path.write_text("\n" * 65_000 + kind + "\n\n")
    assert is_kubeconfig(path)
    path.write_text("\n" * 65_000 + kind + "\nmap\n".replace("\n", "x", 1))
    assert not is_kubeconfig(path)
