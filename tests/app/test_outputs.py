"""No file that a run writes is one that it reads, or another one that it writes.

Not of `run`, nor of any other user of a job.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipeline import config
from pipeline.app.job import Job
from pipeline.app.outputs import require_apart, require_other, require_unread
from pipeline.config.loader import Config
from tests.support.certificates import Authority

PIPELINE = """\
dead_letters: {file: LETTERS}
stages:
- {name: in, type: SOURCE, path: flows.jsonl, decoder: json}
- {name: out, type: write_stdout, follows: in}
"""
WHY = "is what this run reads: it would be overwritten"
TWICE = "is what this run writes, too: it would be overwritten"


def loaded(folder: Path, source: str = "ingest_file", letters: str = "letters") -> Config:
    (folder / "flows.jsonl").write_text("{}\n")
    text = PIPELINE.replace("SOURCE", source).replace("LETTERS", str(folder / letters))
    (folder / "p.yaml").write_text(text)
    return config.load(folder / "p.yaml")


@pytest.mark.parametrize("source", ["ingest_file", "ingest_file_loop"])
@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_is_read(tmp_path: Path, source: str, *, link: bool) -> None:
    """By any of its names."""
    made, other = loaded(tmp_path, source), tmp_path / "other"
    if link:
        other.symlink_to(tmp_path / "flows.jsonl")
    output = other if link else tmp_path / "flows.jsonl"
    with pytest.raises(OSError, match=WHY):
        require_unread(made, None, tmp_path / "new", None, output)
    require_unread(made, None, tmp_path / "new", None, tmp_path / "letters")


def test_a_recording_in_place_of_the_source(tmp_path: Path) -> None:
    made, recording = loaded(tmp_path), tmp_path / "recording.jsonl"
    recording.write_text("{}\n")
    with pytest.raises(OSError, match=WHY):
        require_unread(made, recording, recording)
    require_unread(made, recording, tmp_path / "flows.jsonl")


def test_dead_letters_of_any_job(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=WHY):
        Job(loaded(tmp_path, letters="flows.jsonl"))
    with pytest.raises(OSError, match=WHY):
        Job(loaded(tmp_path), dead_letters=tmp_path / "flows.jsonl")


NAMED = """\
server: {tls_cert: cert.pem, tls_key: key.pem}
metric_servers:
- {listen: "127.0.0.1:0", stages: [count], tls_cert: cert2.pem, tls_key: key2.pem}
stages:
- {name: in, type: ingest_file, path: flows.jsonl, decoder: json}
- {name: k8s, type: kubernetes, follows: in, inventory: kube.json}
- {name: subnets, type: subnet_label, follows: k8s, autodetect: objects.json}
- {name: asn, type: asn_label, follows: subnets, cluster: {}}
- {name: metrics, type: flow_metrics, follows: asn, files: [metrics]}
- {name: count, type: encode_prometheus, follows: metrics}
- name: out
  type: encode_kafka
  follows: asn
  brokers: ["127.0.0.1:1"]
  topic: t
  tls: {ca: ca.pem, cert: cert3.pem, key: key3.pem}
  sasl: {username: u, password_file: password}
- name: loki
  type: write_loki
  follows: asn
  url: http://127.0.0.1:1
  static_labels: {a: b}
  http: {authorization: {credentials_file: token}}
"""
METRIC = """\
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowMetric
metadata: {name: bytes, namespace: netobserv}
spec: {type: Counter, valueField: Bytes}
"""
FILES = [
    *("p.yaml", "flows.jsonl", "kube.json", "objects.json", "kubeconfig", "metrics/m.yaml"),
    *("cert.pem", "key.pem", "cert2.pem", "key2.pem", "ca.pem", "cert3.pem", "key3.pem"),
    *("password", "token", "state/ledger"),
]


def test_every_file_that_a_pipeline_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own, objects, metrics, certificates, secrets, the kubeconfig of $KUBECONFIG, a state."""
    cert, key = Authority(tmp_path / "authority").issue("one")
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o600)
        if name.endswith(".pem"):
            (tmp_path / name).write_bytes((key if "key" in name else cert).read_bytes())
    for name in ("kube.json", "objects.json"):
        pod = {"kind": "Pod", "metadata": {"name": "p"}, "status": {"podIP": "10.0.0.1"}}
        node = {"kind": "Node", "metadata": {"name": "n"}, "spec": {"podCIDRs": ["10.0.0.0/8"]}}
        (tmp_path / name).write_text(json.dumps([pod, node]))
    (tmp_path / "metrics" / "m.yaml").write_text(METRIC)
    (tmp_path / "p.yaml").write_text(NAMED)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    made = config.load(tmp_path / "p.yaml")
    for name in FILES:
        with pytest.raises(OSError, match=f"{name} {WHY}"):
            require_unread(made, None, tmp_path / name, state=tmp_path / "state")
    (tmp_path / "loki").write_text("no field that has this text names a file")
    require_unread(made, None, tmp_path / "loki", state=tmp_path / "state")


def test_files_that_are_read_by_name(tmp_path: Path) -> None:
    read, other = tmp_path / "read", tmp_path / "other"
    read.write_text("x")
    other.hardlink_to(read)
    with pytest.raises(OSError, match=WHY):
        require_other(other, None, tmp_path / "gone", read)
    require_other(tmp_path / "new", None, read)
    require_other(read, None, tmp_path / "gone")


@pytest.mark.parametrize("there", [False, True])
def test_two_outputs_are_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    """By any name: the metrics took the place of the dead letters."""
    one, link, folder = tmp_path / "one", tmp_path / "link", tmp_path / "folder"
    link.symlink_to(one)
    folder.symlink_to(tmp_path)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    names = [one, link, folder / "one", Path("one"), Path("sub/../one")]
    if there:
        one.write_text("")
        (tmp_path / "hard").hardlink_to(one)
        names.append(tmp_path / "hard")
    made = loaded(tmp_path)
    for name in names:
        with pytest.raises(OSError, match=TWICE):
            require_unread(made, None, one, name)
    require_unread(made, None, one, tmp_path / "two")


def test_a_device_and_a_pipe_take_several_outputs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (Path(os.devnull), tmp_path / "pipe"):
        require_apart(path, path)


@pytest.mark.parametrize("name", ["", "ledger.checkpoint", "metrics"])
def test_no_output_is_in_the_folder_of_the_state(tmp_path: Path, name: str) -> None:
    """Before the first run, too: its last checkpoint became an exposition."""
    state, link = tmp_path / "state", tmp_path / "link"
    link.symlink_to(state / name)
    for output in (state / name, link):
        with pytest.raises(OSError, match="state is where this run keeps its counts"):
            require_unread(loaded(tmp_path), None, None, output, state=state)
    require_unread(loaded(tmp_path), None, tmp_path / "metrics", state=state)


def test_a_name_that_no_file_can_have_is_no_other_file(tmp_path: Path) -> None:
    """Whoever opens it says what is wrong with it."""
    for name in ("a\0b", "a" * 5_000):
        require_unread(loaded(tmp_path), None, Path(name), tmp_path / "x", state=tmp_path / "state")
