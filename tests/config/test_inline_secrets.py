"""Secrets in a pipeline file that others may read are warned of, as files of secrets are."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import config

STAGES = """\
stages:
- {name: in, type: ingest_stdin, decoder: json}
- name: loki
  type: write_loki
  follows: in
  url: http://127.0.0.1:1
  http:
    basic_auth: {username: me, password: "PASSWORD"}
    headers: {X-Scope-OrgID: tenant, X-Api-Key: "KEY"}
"""
DIALECT = """\
pipeline: [{name: in}, {name: loki, follows: in}]
parameters:
- {name: in, ingest: {type: stdin, stdin: {decoder: {type: json}}}}
- name: loki
  write:
    type: loki
    loki: {url: "http://127.0.0.1:1", clientConfig: {basic_auth: {username: me, password: word}}}
"""


def warnings(path: Path, text: str, mode: int) -> list[str]:
    path.write_text(text)
    path.chmod(mode)
    environ = {"WORD": "word"}
    found = config.load(path, environ).warnings
    return [str(one).removeprefix(f"{path}:") for one in found if "this secret" in str(one)]


@pytest.fixture(autouse=True)
def _no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def test_a_secret_that_every_user_can_read_is_warned_of(tmp_path: Path) -> None:
    """The name of a tenant is not one."""
    text = STAGES.replace("PASSWORD", "word").replace("KEY", "word")
    assert warnings(tmp_path / "p.yaml", text, 0o600) == []
    said = 'warning: stage "loki", field http.'
    what = "this secret can be read by every user of this machine; chmod 600 p.yaml, or "
    assert warnings(tmp_path / "p.yaml", text, 0o644) == [
        f"8:42: {said}basic_auth.password: {what}give password_file",
        f"9:49: {said}headers.X-Api-Key: {what}write a variable (${{NAME}}) instead",
    ]


def test_a_variable_is_not_in_the_file(tmp_path: Path) -> None:
    text = STAGES.replace("PASSWORD", "${WORD}").replace("KEY", "Bearer ${WORD}")
    assert warnings(tmp_path / "p.yaml", text, 0o644) == []


def test_in_a_pod_files_are_mounted_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert warnings(tmp_path / "p.yaml", STAGES, 0o644) == []


def test_the_dialect_is_warned_of_at_its_place(tmp_path: Path) -> None:
    assert warnings(tmp_path / "p.yaml", DIALECT, 0o600) == []
    (found,) = warnings(tmp_path / "p.yaml", DIALECT, 0o644)
    assert found.startswith('7:91: warning: stage "loki", field http.basic_auth.password: ')
