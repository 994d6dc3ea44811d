"""Canaries: what stands in files of secrets, or is one, is in nothing that a command says."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from ssl import create_default_context
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from typer.testing import CliRunner

from pipeline.api.credentials import TOKEN_FILE
from pipeline.api.remote import RemoteError, fetch
from pipeline.cli.app import EX_CONFIG, app
from pipeline.kafka.connection import Connection, Sasl
from pipeline.kube.api import kubeconfig
from pipeline.push.http import Authorization, BasicAuth, Http
from pipeline.push.http_client import Client
from tests.support.certificates import Authority

CANARY = "canary-7f3a"
KAFKA = """\
  brokers: ["127.0.0.1:1"]
  tls: {insecure_skip_verify: true}
  sasl: {mechanism: plain, username: me, password_file: password}
"""
WRITERS = f"""\
- name: loki
  type: write_loki
  follows: in
  url: http://127.0.0.1:1
  http: {{basic_auth: {{username: me, password: {CANARY}}}, headers: {{X-Key: {CANARY}}}}}
- name: loki2
  type: write_loki
  follows: in
  url: http://127.0.0.1:1
  http: {{authorization: {{credentials_file: password}}}}
- name: loki3
  type: write_loki
  follows: in
  url: http://127.0.0.1:1
  http:
    oauth2:
      token_url: https://127.0.0.1:1/
      client_id: me
      client_secret: {CANARY}
      endpoint_params: {{password: {CANARY}}}
- name: s3
  type: encode_s3
  follows: in
  endpoint: 127.0.0.1:1
  bucket: b
  access_key_id: me
  secret_access_key: {CANARY}
- name: logs
  type: encode_otlplogs
  follows: in
  endpoint: 127.0.0.1:1
  protocol: http
  headers: {{Authorization: Bearer {CANARY}}}
- name: pushed
  type: encode_otlpmetrics
  follows: in
  endpoint: 127.0.0.1:1
  headers: {{api-key: "{CANARY}"}}
  metrics: [{{name: pushed}}]
"""
PIPELINE = f"""\
stages:
- name: in
  type: ingest_kafka
  topics: [flows]
  decoder: json
{KAFKA}
- {{name: objects, type: kubernetes, follows: in, cluster: {{kubeconfig: kubeconfig}}}}
- {{name: count, type: encode_prometheus, follows: objects, metrics: [{{name: flows}}]}}
- name: out
  type: encode_kafka
  follows: in
  topic: out
{KAFKA}
{WRITERS}"""
DIALECT = f"""\
pipeline: [{{name: in}}, {{name: loki, follows: in}}, {{name: s3, follows: in}}]
parameters:
- name: in
  ingest:
    type: kafka
    kafka:
      brokers: ["127.0.0.1:1"]
      topic: flows
      groupid: g
      decoder: {{type: json}}
      sasl: {{type: plain, clientIDPath: user, clientSecretPath: password}}
- name: loki
  write:
    type: loki
    loki:
      url: http://127.0.0.1:1
      clientConfig: {{basic_auth: {{username: me, password: {CANARY}}}}}
- name: s3
  encode:
    type: s3
    s3:
      account: a
      endpoint: 127.0.0.1:1
      accessKeyId: me
      secretAccessKey: {CANARY}
      bucket: b
"""
COLLECTOR = f"""\
apiVersion: flows.netobserv.io/v1beta2
kind: FlowCollector
metadata:
  name: cluster
  annotations: {{kubectl.kubernetes.io/last-applied-configuration: "{CANARY}"}}
spec:
  loki: {{enable: false}}
  exporters:
  - type: OpenTelemetry
    openTelemetry: {{targetHost: h, targetPort: 4317, headers: {{api-key: "{CANARY}"}}}}
"""
KUBECONFIG = f"""\
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:1"}}}}]
users: [{{name: u, user: {{token: {CANARY}, username: me, password: {CANARY}}}}}]
"""
FILES = {
    "pipeline.yaml": PIPELINE,
    "flp.yaml": DIALECT,
    "collector.yaml": COLLECTOR,
    "kubeconfig": KUBECONFIG,
    "password": f"{CANARY}\n",
    "user": "me\n",
}


def write(folder: Path) -> None:
    """The files, readable by their owner."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)


def told(text: str) -> list[str]:
    """The canaries in a text, plain and as base64 has them."""
    packed = base64.b64encode(CANARY.encode()).decode().rstrip("=")
    return [line for line in text.splitlines() if CANARY in line or packed in line]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        "validate pipeline.yaml",
        "validate flp.yaml",
        "graph pipeline.yaml",
        "graph flp.yaml",
        "convert pipeline.yaml",
        "convert flp.yaml",
        "health-rules collector.yaml",
        "operator-config collector.yaml",
        "operator-config collector.yaml --dialect",
        "matrix approve pipeline.yaml",
        "policy generate --input pipeline.yaml --inventory collector.yaml -A",
        "charts --collector collector.yaml --out charts",
        "inventory --kubeconfig kubeconfig --out objects.yaml",
        "who 10.0.0.1 --kubeconfig kubeconfig",
        "who 10.0.0.1 --config pipeline.yaml",
        "matrix pipeline.yaml",
        "matrix --prometheus http://127.0.0.1:1 --token-file password",
        "matrix --server http://127.0.0.1:1 --token-file password -n a",
        "top --server http://127.0.0.1:1 --token-file password --once",
        "discover pipeline.yaml -n a",
        "flows pipeline.yaml",
        "policy verify cluster --input pipeline.yaml -n a",
        "dead-letters --bootstrap 127.0.0.1:1 --topic t --config pipeline.yaml",
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
    write(tmp_path)
    options = [] if arguments.startswith("top") else ["--log-level", "debug"]
    with caplog.at_level("DEBUG"):
        done = CliRunner().invoke(app, [*arguments.split(), *options])
    said = done.output + caplog.text + repr(done.exception)
    assert done.output
    assert done.exit_code != EX_CONFIG, done.output
    assert told(said) == []


API = "/api/v0/"
PAGES = (
    *("/metrics", "/healthz", "/readyz", f"{API}openapi.json", "/"),
    *(API + name for name in ("about", "health", "progress", "totals", "flows", "inventory")),
    *(f"{API}{name}?namespace=a" for name in ("matrix", "policy", "peers", "completeness")),
    f"{API}metrics",
)


RUNNING = f"""\
server: {{tls_cert: cert, tls_key: key, client_ca: ca, token_file: token}}
stages:
- {{name: in, type: ingest_stdin, decoder: json}}
- {{name: agents, type: ingest_grpc, listen: "127.0.0.1:0", tls_cert: cert, tls_key: key}}
- {{name: count, type: encode_prometheus, follows: [in, agents], metrics: [{{name: flows}}]}}
- {{name: edges, type: encode_matrix, follows: in}}
- name: sent
  type: encode_otlplogs
  follows: in
  endpoint: 127.0.0.1:1
  tls: {{ca: ca, cert: cert, key: key}}
  headers: {{Authorization: "${{TOKEN}}"}}
{WRITERS}"""


@pytest.mark.slow
def test_a_running_worker_tells_no_canary(tmp_path: Path) -> None:
    """Not in a page, the log, or the command line of a process; and it leaves no core file.

    It has a token, keys of TLS for HTTP, gRPC and as a client, and a secret in its environment,
    which only its user can read.
    """
    write(tmp_path)
    authority = Authority(tmp_path / "authority")
    pair = authority.issue("server")
    for name, path in zip(("cert", "key", "ca"), (*pair, authority.certificate), strict=True):
        (tmp_path / name).write_bytes(path.read_bytes())
    for name, text in (("run.yaml", RUNNING), ("token", CANARY)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    key = (tmp_path / "key").read_text().splitlines()[1]
    command = [str(Path(sys.executable).with_name("flowmatrix")), "run", "run.yaml", "--page"]
    with (tmp_path / "log").open("w") as log:
        worker = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "--log-level", "debug"],
            cwd=tmp_path,
            env={**os.environ, "TOKEN": f"Bearer {CANARY}"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    assert worker.stdin
    try:
        url = _url(tmp_path / "log", worker)
        worker.stdin.write(b'{"SrcAddr":"10.0.0.1","Proto":6,"Bytes":1}\n' * 200)
        worker.stdin.flush()
        _wait_for(lambda: "loki" in (tmp_path / "log").read_text())
        pages = {page: _page(f"{url}{page}", tmp_path / "ca") for page in PAGES}
        assert "flows" in pages["/metrics"]
        assert "version" in pages[f"{API}about"]
        lines = [line for line in map(_command_line, _descendants(worker.pid)) if line is not None]
        assert lines
        limits = Path(f"/proc/{worker.pid}/limits").read_text()
        assert re.search(r"Max core file size +0 ", limits)
        assert not Path(f"/proc/{worker.pid}/environ").stat().st_mode & 0o077
        _tells_nothing("\n".join([*pages.values(), *lines]), key)
    finally:
        worker.terminate()
        worker.stdin.close()
        worker.wait(60)
    _tells_nothing((tmp_path / "log").read_text(), key)


def _tells_nothing(text: str, key: str) -> None:
    assert told(text) == []
    assert key not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "change"),
    [
        ("--parameters", lambda text: text),
        ("--parameters", lambda text: text[:-3]),
        ("--parameters", lambda text: text.replace(f'"{CANARY}"', f"*{CANARY}")),
        ("FLOWLOGS-PIPELINE_PARAMETERS", lambda text: f'{text} "{CANARY}'),
    ],
)
def test_the_flags_of_the_original_are_not_told(
    option: str, change: Callable[[str], str], tmp_path: Path
) -> None:
    """A block on the command line, or in the environment, that is right or wrong."""
    login = f'{{"username":"me","password":"{CANARY}"}}'
    loki = f'{{"url":"http://127.0.0.1:1","clientConfig":{{"basic_auth":{login}}}'
    loki += ',"maxRetries":1,"minBackoff":"10ms","maxBackoff":"10ms"}'
    source = '{"name":"in","ingest":{"type":"stdin","stdin":{"decoder":{"type":"json"}}}}'
    block = change(f'[{source},{{"name":"l","write":{{"type":"loki","loki":{loki}}}}}]')
    command = [str(Path(sys.executable).with_name("flowlogs-pipeline"))]
    command += ["--pipeline", '[{"name":"in"},{"name":"l","follows":"in"}]']
    command += ["--log-level", "trace", "--metricsSettings", '{"disableGlobalServer":true}']
    environ = {option: block}
    if option.startswith("--"):
        command += [option, block]
        environ = {}
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **environ},
        input='{"Bytes":1}\n',
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr
    assert told(done.stdout + done.stderr) == []


def _url(log: Path, worker: subprocess.Popen[bytes]) -> str:
    pattern = re.compile(r"serving (https://127\.0\.0\.1:\d+)/")
    _wait_for(lambda: pattern.search(log.read_text()) is not None or worker.poll() is not None)
    found = pattern.search(log.read_text())
    assert found, log.read_text()
    return found[1]


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def _page(url: str, authority: Path) -> str:
    asked = Request(url, headers={"Authorization": f"Bearer {CANARY}"})
    try:
        with urlopen(asked, timeout=30, context=create_default_context(cafile=authority)) as answer:
            return str(answer.read(), "utf-8")
    except HTTPError as error:
        return str(error.read(), "utf-8")


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _descendants(int(child)))]


def _command_line(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return None


def _server(path: Path) -> None:
    os.environ[TOKEN_FILE] = str(path)
    with pytest.raises(RemoteError):
        fetch("http://127.0.0.1:1/", 10)


def _loki(**fields: object) -> Callable[[Path], None]:
    def use(path: Path) -> None:
        parts = {name: make(path.name) for name, make in fields.items() if callable(make)}
        Client(Http(**parts), path.parent, 1.0)

    return use


READERS: dict[str, Callable[[Path], object]] = {
    "a kubeconfig": kubeconfig.read,
    "the token of a server": _server,
    "a password for Loki": _loki(
        basic_auth=lambda name: BasicAuth(username="me", password_file=name)
    ),
    "a token for Loki": _loki(authorization=lambda name: Authorization(credentials_file=name)),
    "a password for Kafka": lambda path: Connection(
        brokers=("127.0.0.1:1",),
        sasl=Sasl(mechanism="plain", username="me", password_file=path.name),
        folder=str(path.parent),
    ).arguments(),
}


@pytest.mark.parametrize("what", READERS)
def test_a_secret_that_every_user_can_read_is_warned_of(
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once it is not, nothing is said."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    for mode, warned in ((0o600, False), (0o644, True)):
        path = tmp_path / f"secret-{mode}"
        path.write_text(KUBECONFIG if what == "a kubeconfig" else CANARY)
        path.chmod(mode)
        READERS[what](path)
        assert (f"{path} is a secret that every user can read" in caplog.text) is warned
