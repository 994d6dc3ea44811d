"""`inventory` and `who` where a worker that reads files is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner, Result

from pipeline import config
from pipeline.app.job import Job
from pipeline.cli.app import app
from pipeline.kube.inventory import file

pytestmark = pytest.mark.slow

SOURCE = "{name: in, type: ingest_file, path: flows.json, decoder: json}"
KUBE = "{name: k8s, type: kubernetes, follows: in, inventory: kube.yaml}"
SUBNETS = "{name: subnets, type: subnet_label, follows: k8s, autodetect: kube.yaml}"
OUT = "{name: out, type: write_stdout, follows: LAST}"
LABEL = "label 1 of 1, derived from the cluster"
OBJECTS = [
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"containers": [{"ports": [{"containerPort": 443, "protocol": "TCP"}]}]},
        "status": {"podIPs": [{"ip": "fd00::7"}], "phase": "Running"},
    },
    {"kind": "Node", "metadata": {"name": "n1"}, "spec": {"podCIDRs": ["fd00::/64"]}},
]


def flowmatrix(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def job(folder: Path, *stages: str) -> Job:
    """A job of these stages, in a row."""
    file.write(OBJECTS, folder / "kube.yaml")
    (folder / "flows.json").write_text("")
    path = folder / "config.yaml"
    last = stages[-1].partition("name: ")[2].partition(",")[0]
    path.write_text(f"stages: [{', '.join([*stages, OUT.replace('LAST', last)])}]")
    return Job(config.load(path))


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with job(tmp_path, SOURCE, KUBE, SUBNETS).server("127.0.0.1:0") as server:
        yield server.url


def test_who(url: str) -> None:
    done = flowmatrix("who", "[fd00:0::7]:443", "--server", url)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "object       Pod shop/web",
        "because      a pod's own address (status.podIPs)",
        "owner        itself",
        "labels       app=web",
        f"subnet label Pods: fd00::/64, first in list order ({LABEL})",
        "port         443 (https)",
    ]


def test_a_label_called_none_is_found(tmp_path: Path) -> None:
    """The exit code goes by what was found, not by how the text begins."""
    labels = "{name: none-such, cidrs: [10.0.0.0/8]}"
    path = tmp_path / "config.yaml"
    job(tmp_path, SOURCE, f"{{name: s, type: subnet_label, follows: in, labels: [{labels}]}}")
    asked = ("--config", path, "--inventory", tmp_path / "kube.yaml")
    assert flowmatrix("who", "10.1.1.1", *asked).exit_code == 0
    nobody = flowmatrix("who", "11.1.1.1", *asked)
    assert nobody.exit_code == 1
    assert "object       none: " in nobody.stdout


def test_an_address_of_the_inventory_that_is_none_is_warned_of(tmp_path: Path) -> None:
    """Whoever looks for it finds nothing, and would not know why; once, also with a pipeline."""
    lost = {"kind": "Pod", "metadata": {"name": "lost"}, "status": {"podIP": "10.0.0.300"}}
    job(tmp_path, SOURCE, KUBE)
    file.write([*OBJECTS, lost], tmp_path / "kube.yaml")
    said = 'warning: kube.yaml: document 3: Pod lost: status.podIP "10.0.0.300" is not an address\n'
    done = flowmatrix("who", "fd00::7", "--inventory", tmp_path / "kube.yaml")
    assert (done.exit_code, done.stderr) == (0, said)
    done = flowmatrix("who", "fd00::7", "--config", tmp_path / "config.yaml")
    assert done.stderr.count("10.0.0.300") == 1


def test_inventory(url: str, tmp_path: Path) -> None:
    out = tmp_path / "dump.yaml"
    done = flowmatrix("inventory", "--server", f"{url}/", "--out", out)
    assert (done.exit_code, done.stdout) == (0, f"{out}: 1 Pod, 1 Node, 1 FlowCollector\n")
    index, problems = file.load(out)
    assert (index.timed, problems) == (False, [])
    found = flowmatrix("who", "fd00::7", "--inventory", out).stdout
    assert found.startswith("object       Pod shop/web\n")
    with urlopen(f"{url}/api/v0/inventory") as page:
        (tmp_path / "fetched.json").write_bytes(page.read())
    assert len(file.load(tmp_path / "fetched.json")[0]) == 2
    items = json.loads((tmp_path / "fetched.json").read_text())["items"]
    assert [one["spec"] for one in items if one["kind"] == "Pod"] == [OBJECTS[0]["spec"]]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", '"" is not an address: ?address=IP'),
        (
            f"?address=10.0.0.1&at={'9' * 5000}",
            '"' + "9" * 5000 + '" is not a time: &at=MILLISECONDS',
        ),
        ("?address=10.0.0.1&at=noon", '"noon" is not a time: &at=MILLISECONDS'),
    ],
)
def test_a_query_that_is_none(url: str, query: str, error: str) -> None:
    with pytest.raises(HTTPError, match="400") as caught:
        urlopen(f"{url}/api/v0/who{query}")
    assert json.load(caught.value)["error"] == error
    caught.value.close()


@pytest.mark.parametrize(
    "arguments", [(f"10.0.0.1:{'9' * 5000}",), ("10.0.0.1", "--at", "9" * 5000)], ids=len
)
def test_a_number_that_is_too_long_is_refused(arguments: tuple[str, ...]) -> None:
    done = flowmatrix("who", *arguments, "--inventory", "none.yaml")
    assert done.exit_code == 2
    assert '"' + "9" * 5000 + '" is not a' in done.stderr


def test_a_worker_that_knows_of_no_objects(tmp_path: Path) -> None:
    with job(tmp_path, SOURCE).server("127.0.0.1:0") as server:
        who = flowmatrix("who", "10.0.0.1", "--server", server.url)
        dump = flowmatrix("inventory", "--server", server.url, "--out", tmp_path / "dump.yaml")
    assert (who.exit_code, dump.exit_code) == (1, 1)
    place = f"error: cannot ask {server.url}/api/v0"
    assert who.stderr == f"{place}/who: its pipeline knows nothing about addresses\n"
    assert dump.stderr == f"{place}/inventory: its pipeline looks up no Kubernetes objects\n"


def kubeconfig(server: str, path: Path) -> None:
    """Write the kubeconfig of a server."""
    where = {"name": "c", "cluster": {"server": server}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    document = {"kind": "Config", "current-context": "c", "clusters": [where]}
    document |= {"contexts": [context], "users": [{"name": "u", "user": {"token": "t"}}]}
    path.write_text(json.dumps(document))


def test_a_worker_that_has_not_listed_its_cluster(tmp_path: Path) -> None:
    kubeconfig("https://127.0.0.1:1", tmp_path / "kubeconfig")
    live = KUBE.replace("inventory: kube.yaml", "cluster: {kubeconfig: kubeconfig}")
    worker = job(tmp_path, SOURCE, live)
    with closing(worker), worker.server("127.0.0.1:0") as server:
        done = flowmatrix("who", "10.0.0.1", "--server", server.url)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: cannot ask {server.url}/api/v0/who: nodes: not listed")


class _Failing(BaseHTTPRequestHandler):
    """An API server that tells its version and fails to list anything."""

    def do_GET(self) -> None:
        known = self.path == "/version"
        body = b'{"gitVersion": "v1"}' if known else b'{"message": "etcd has no leader"}'
        self.send_response(200 if known else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_lists_that_only_fail_are_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person waits for the answer: after some seconds it is given without them, and says so."""
    monkeypatch.setattr("pipeline.cli.cluster._PATIENCE", 0.1)
    cluster = "cluster: {kubeconfig: kubeconfig}, wait: 1h"
    path = tmp_path / "config.yaml"
    (tmp_path / "flows.json").touch()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Failing) as server:
        Thread(target=server.serve_forever).start()
        kubeconfig(f"http://127.0.0.1:{server.server_port}", tmp_path / "kubeconfig")
        live = KUBE.replace("inventory: kube.yaml", cluster)
        path.write_text(f"stages: [{SOURCE}, {live}, {OUT.replace('LAST', 'k8s')}]")
        try:
            done = flowmatrix("who", "10.0.0.1", "--config", path)
        finally:
            server.shutdown()
    assert done.exit_code == 1
    assert "warning: pods: not listed yet: etcd has no leader\n" in done.stderr
    assert "object       none: " in done.stdout


def test_objects_from_two_places_make_no_inventory(tmp_path: Path) -> None:
    file.write(OBJECTS[:1], tmp_path / "other.yaml")
    other = (
        KUBE.replace("kube.yaml", "other.yaml").replace("k8s", "other").replace(": in,", ": k8s,")
    )
    with job(tmp_path, SOURCE, KUBE, other).server("127.0.0.1:0") as server:
        done = flowmatrix("inventory", "--server", server.url, "--out", tmp_path / "dump.yaml")
    assert done.stderr.endswith("objects from 2 places; an inventory is of one\n")


@pytest.mark.parametrize("option", ["--kubeconfig", "--context", "--config", "--inventory"])
def test_who_asks_one_thing(option: str) -> None:
    done = flowmatrix("who", "10.0.0.1", "--server", "http://x", option, "y")
    assert done.exit_code == 2
    assert f"--server: the worker tells what it knows; drop {option}" in done.stderr


def test_a_context_that_nothing_is_asked_of() -> None:
    done = flowmatrix("who", "10.0.0.1", "--inventory", "x", "--context", "y")
    assert done.exit_code == 2
    assert "--context is one of a kubeconfig, and --inventory says what to ask" in done.stderr


@pytest.mark.parametrize("option", ["--kubeconfig=y", "--context=y", "-ny", "--annotations"])
def test_inventory_asks_one_thing(option: str) -> None:
    done = flowmatrix("inventory", "--out", "o.yaml", "--server", "http://x", option)
    assert done.exit_code == 2
    assert "--server: the worker tells what it knows; drop --" in done.stderr


def test_a_server_that_is_none(tmp_path: Path) -> None:
    done = flowmatrix("who", "10.0.0.1", "--server", "localhost:9102")
    assert done.exit_code == 2
    assert '"localhost:9102" is not a URL: http://HOST:PORT' in done.stderr
    done = flowmatrix("inventory", "--out", tmp_path / "o.yaml", "--server", "http://127.0.0.1:1")
    assert done.stderr.startswith("error: cannot ask http://127.0.0.1:1/api/v0/inventory: ")


@pytest.mark.parametrize("text", ["[[::1]]:80", "10.0.0.1]", "[::1", "[::1]80", "[::1]:", "::1]:8"])
def test_brackets_are_around_an_address(text: str) -> None:
    done = flowmatrix("who", text, "--inventory", "x")
    assert done.exit_code == 2
    assert "is not a" in done.stderr


def test_a_time_that_is_none() -> None:
    done = flowmatrix("who", "10.0.0.1", "--inventory", "x", "--at", "0001-01-01")
    assert done.exit_code == 2
    assert '"0001-01-01" is not a time' in done.stderr


@pytest.mark.parametrize("name", ["kubeconfig", "other", "token"])
@pytest.mark.parametrize("named", [False, True])
def test_an_inventory_does_not_take_the_place_of_what_it_asks_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, named: bool
) -> None:
    """By --kubeconfig or $KUBECONFIG, and of the files that the user in it names."""
    path, out = tmp_path / "kubeconfig", tmp_path / name
    kubeconfig("http://127.0.0.1:1", path)
    path.write_text(path.read_text().replace('"token": "t"', '"tokenFile": "token"'))
    (tmp_path / "token").write_text("t")
    monkeypatch.setenv("KUBECONFIG", f"{path}:{tmp_path / 'gone'}")
    (tmp_path / "other").symlink_to(path)
    before = out.read_text()
    done = flowmatrix("inventory", *(("--kubeconfig", path) if named else ()), "--out", out)
    assert done.exit_code == 1
    assert done.stderr.endswith(f"error: {out} is what this run reads: it would be overwritten\n")
    assert out.read_text() == before


def test_nor_of_a_kubeconfig_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("x")
    done = flowmatrix("inventory", "--kubeconfig", path, "--out", path)
    assert done.exit_code == 1
    assert done.stderr == f"error: {path} is what this run reads: it would be overwritten\n"


def test_nor_of_the_token_for_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    monkeypatch.setenv("FLOWMATRIX_TOKEN_FILE", str(token))
    done = flowmatrix("inventory", "--server", "http://127.0.0.1:1", "--out", token)
    assert done.stderr == f"error: {token} is what this run reads: it would be overwritten\n"
