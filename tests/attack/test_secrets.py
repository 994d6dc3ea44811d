"""Canaries: what stands in files of secrets is in nothing that a command says."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.app import app

CANARY = "canary-7f3a"
PIPELINE = """\
stages:
- name: in
  type: ingest_kafka
  brokers: ["127.0.0.1:1"]
  topics: [flows]
  decoder: json
  tls: {insecure_skip_verify: true}
  sasl: {mechanism: plain, username: me, password_file: password}
- {name: objects, type: kubernetes, follows: in, kubeconfig: kubeconfig}
- {name: count, type: encode_prometheus, follows: objects, metrics: [{name: flows}]}
"""
KUBECONFIG = f"""\
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:1"}}}}]
users: [{{name: u, user: {{token: {CANARY}, username: me, password: {CANARY}}}}}]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        "validate pipeline.yaml",
        "graph pipeline.yaml",
        "convert pipeline.yaml",
        "inventory --kubeconfig kubeconfig --out objects.yaml",
        "who 10.0.0.1 --kubeconfig kubeconfig",
        "who 10.0.0.1 --config pipeline.yaml",
        "matrix pipeline.yaml",
        "matrix --prometheus http://127.0.0.1:1 --token-file password",
        "policy verify cluster --input pipeline.yaml -n a",
    ],
)
def test_a_canary_is_in_nothing_that_is_said(
    arguments: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever the command comes to, with the log of everything."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    (tmp_path / "password").write_text(f"{CANARY}\n")
    options = ["--log-level", "debug"]
    with caplog.at_level("DEBUG"):
        done = CliRunner().invoke(app, [*arguments.split(), *options])
    said = done.output + caplog.text + repr(done.exception)
    assert done.output
    assert CANARY not in said
    assert base64.b64encode(CANARY.encode()).decode().rstrip("=") not in said
