"""An index that follows a real API server, through everything that goes wrong with one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
import yaml

from matrix import tables
from pipeline import config
from pipeline.job import Job
from pipeline.kube import objects
from pipeline.kube.access import Access
from pipeline.kube.connect import Connection
from pipeline.kube.entries import Options
from pipeline.kube.index import Peer
from pipeline.kube.owners import Climb
from pipeline.kube.reflector import Reflector, Resource, Timing
from pipeline.kube.watch import Watch
from pipeline.lasting import Lasting
from pipeline.ledger import counters
from pipeline.simulate import Simulation, simulate
from pipeline.stage import Env, Step
from stages.kubernetes import Kubernetes
from tests.kube.live import SPACE, Client, Proxy, kubeconfig, pod, populate, until
from tests.real.kube import Kube

QUICK = Timing(silence=2.0, first=0.05, most=0.3)
CLIMB = Climb(frozenset({"ReplicaSet", "Deployment"}))


@contextmanager
def watching(path: Path, context: str = "", **more: Any) -> Iterator[Watch]:
    options = Options(window=more.pop("window", 300.0))
    clock: Callable[[], float] = more.pop("clock", time.time)
    connection = Connection(path, context, clock)
    with closing(Watch(connection, options, timing=QUICK, **more)) as watch:
        yield watch


def fresh(watch: Watch) -> Watch:
    """The watch with everything applied that it knows."""
    watch._applied = 0.0
    watch.refresh()
    return watch


def at(watch: Watch, address: str, when: int | None = None) -> Peer | None:
    return fresh(watch).index.lookup(address, CLIMB, at=when)


def named(watch: Watch, address: str, when: int | None = None) -> str:
    found = at(watch, address, when)
    return found.name if found else ""


def measured(watch: Watch, name: str) -> dict[tuple[str, ...], float]:
    return {labels: value for metric, value, labels in watch.measure() if metric == name}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate("reference", tmp_path_factory.mktemp("reference") / "reference.pb")


def test_the_reference_from_a_live_cluster(made: Simulation, new_kube: Kube) -> None:
    populate(new_kube, yaml.safe_load_all(made.inventory.read_text()))
    kubeconfig(new_kube, made.config.with_name("kubeconfig"))
    document = yaml.safe_load(made.config.read_text())
    enrich = next(stage for stage in document["stages"] if stage["type"] == "kubernetes")
    del enrich["inventory"]
    enrich["cluster"] = {"kubeconfig": "kubeconfig"}
    live = made.config.with_name("live.yaml")
    live.write_text(yaml.safe_dump(document))
    found = []
    for path in (made.config, live, _dialect(made)):
        job = Job(config.load(path))
        with closing(job):
            job.run()
            own = job.exposition()
            assert ('kube_synced{kind="Pod"} 1' in own) == (path != made.config)
            assert (job.notes(), job._not_ready()) == ({}, "")
            series = counters(job.ledger)
            found.append(
                [
                    make(series, "netobserv").rows.drop("first_seen", "last_seen", strict=False)
                    for make in (tables.outgoing, tables.incoming)
                ]
            )
    assert [table.height for table in found[0]] == [12, 16]
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            assert one.equals(same)


def _dialect(made: Simulation) -> Path:
    """The pipeline in flowlogs-pipeline's dialect, its configPath a kubeconfig."""
    path = made.flp_config.with_name("live.flp.yaml")
    path.write_text(made.flp_config.read_text().replace(made.inventory.name, "kubeconfig"))
    return path


@pytest.mark.parametrize("shift", [0.0, 3600.0, -3600.0])
def test_an_address_belongs_to_whom_had_it(kube_server: Kube, tmp_path: Path, shift: float) -> None:
    """`shift`: seconds by which the watcher's clock is wrong; it learns the server's time."""
    space, client = f"moves{shift:.0f}".replace("-", "x"), Client(kube_server)
    client.create({**SPACE, "metadata": {"name": space}})
    first, second = (pod(name, "10.9.0.1", space) for name in ("first", "second"))
    client.create(first)
    path = kubeconfig(kube_server, tmp_path / "kubeconfig")
    more: dict[str, Any] = {"window": 4.0, "clock": lambda: time.time() + shift}
    with watching(path, namespaces=[space], **more) as watch:
        assert named(watch, "10.9.0.1") == "first"
        held = round(time.time() * 1000)
        time.sleep(1.2 if shift else 0.2)
        client.delete(first)
        time.sleep(1.2 if shift else 0.2)
        client.create(second)
        until(lambda: named(watch, "10.9.0.1") == "second")
        assert named(watch, "10.9.0.1", held) == "first"
        assert named(watch, "10.9.0.1", round(time.time() * 1000)) == "second"
        until(lambda: named(watch, "10.9.0.1", held) == "second", 8)


def test_changes_reach_owners_and_zones(kube_server: Kube, tmp_path: Path) -> None:
    client = Client(kube_server)
    client.create({**SPACE, "metadata": {"name": "owners"}})
    owned = pod("web-1", "10.9.1.1", "owners")
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1"}
    owned["metadata"]["ownerReferences"] = [owner]
    owned["spec"]["nodeName"] = "zoned"
    client.create(owned)
    with watching(kubeconfig(kube_server, tmp_path / "kubeconfig")) as watch:
        before = at(watch, "10.9.1.1")
        assert before
        assert (before.owner.kind, before.zone) == ("ReplicaSet", "")
        version = watch.index.version
        client.create(
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": "web",
                    "namespace": "owners",
                    "ownerReferences": [{**owner, "kind": "Deployment", "name": "shop"}],
                },
                "spec": {
                    "selector": {"matchLabels": {"app": "web"}},
                    "template": {
                        "metadata": {"labels": {"app": "web"}},
                        "spec": {"containers": [{"name": "main", "image": "workload"}]},
                    },
                },
            }
        )
        client.create(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": "zoned", "labels": {"topology.kubernetes.io/zone": "z1"}},
                "status": {"addresses": [{"type": "InternalIP", "address": "10.9.1.9"}]},
            }
        )

        def both() -> bool:
            found = at(watch, "10.9.1.1")
            return found is not None and (found.owner.name, found.zone) == ("shop", "z1")

        until(both)
        assert "10.9.1.1" in (watch.index.changed(version) or ())


def test_a_killed_a_wiped_and_a_frozen_server(new_kube: Kube, tmp_path: Path) -> None:
    Client(new_kube).create(SPACE)
    Client(new_kube).create(pod("kept", "10.9.2.1"))
    path = kubeconfig(new_kube, tmp_path / "kubeconfig")
    with watching(path) as watch:
        assert named(watch, "10.9.2.1") == "kept"
        assert watch.problems() == []
        new_kube.kill()
        until(lambda: len(watch.problems()) == 5)
        assert any(text.startswith("pods: not current since 20") for text in watch.problems())
        assert named(watch, "10.9.2.1") == "kept"
        until(lambda: measured(watch, "kube_stale_seconds")["Pod",] > 0.5)
        new_kube.start()
        until(lambda: watch.problems() == [])
        Client(new_kube).create(pod("later", "10.9.2.2"))
        until(lambda: named(watch, "10.9.2.2") == "later")
        assert measured(watch, "kube_stale_seconds")["Pod",] == 0.0

        new_kube.wipe()
        until(lambda: watch.problems() == [] and measured(watch, "kube_objects")["Pod",] == 0)
        assert named(watch, "10.9.2.1") == "kept"  # for the window
        Client(new_kube).create(SPACE)
        Client(new_kube).create(pod("another", "10.9.2.1"))
        until(lambda: named(watch, "10.9.2.1") == "another")

        new_kube.freeze()
        until(lambda: len(watch.problems()) == 5, 40)
        new_kube.thaw()
        until(lambda: watch.problems() == [], 40)
        Client(new_kube).create(pod("thawed", "10.9.2.3"))
        until(lambda: named(watch, "10.9.2.3") == "thawed")


def test_cut_connections_go_on_where_they_were(kube_server: Kube, tmp_path: Path) -> None:
    client = Client(kube_server)
    client.create({**SPACE, "metadata": {"name": "cut"}})
    with Proxy(kube_server.port) as proxy:
        path = kubeconfig(kube_server, tmp_path / "kubeconfig", port=proxy.port)
        with watching(path, namespaces=["cut"]) as watch:
            fresh(watch)
            for number in range(3):
                proxy.cut()
                client.create(pod(f"p{number}", f"10.9.3.{number}", "cut"))
                until(lambda: named(watch, f"10.9.3.{number}") == f"p{number}")  # noqa: B023
            until(lambda: watch.problems() == [])
            assert measured(watch, "kube_errors")["Pod", "connection"] == 3
            assert measured(watch, "kube_events")["Pod", "added"] == 3


class Kept:
    """A sink that keeps names."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.lists = 0

    def listed(self, pages: Any, *, since: int, at: int) -> None:
        self.names = {objects.parse(one).metadata.name for page in pages for one in page}
        self.lists += 1

    def changed(self, one: msgspec.Raw, at: int) -> None:
        self.names.add(objects.parse(one).metadata.name)

    def deleted(self, one: msgspec.Raw, at: int) -> None:
        self.names.discard(objects.parse(one).metadata.name)


def test_a_version_that_is_gone_is_listed_again(new_kube: Kube, tmp_path: Path) -> None:
    Client(new_kube).create(SPACE)
    new_kube.restart()  # its watch cache begins after what was before
    sink = Kept()
    connection = Connection(kubeconfig(new_kube, tmp_path / "kubeconfig"))
    reflector = Reflector(
        connection,
        Resource("Namespace", "v1", "namespaces", namespaced=False),
        sink,
        timing=QUICK,
    )
    reflector._version = "1"
    with closing(connection):
        reflector.start()
        until(lambda: "shop" in sink.names)
        reflector.stop()
    assert reflector.health.errors == {"410": 1}
    assert reflector.health.failing == 0.0


def role(*plurals: str) -> list[dict[str, Any]]:
    """The right to follow some resources, bound to the user flowmatrix."""
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": ["", "apps"], "resources": plurals, "verbs": ["get", "list", "watch"]}
    head = {"apiVersion": f"{group}/v1", "metadata": {"name": "reader"}}
    return [
        {**head, "kind": "ClusterRole", "rules": [rule]},
        {
            **head,
            "kind": "ClusterRoleBinding",
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "reader"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "flowmatrix"}],
        },
    ]


def test_one_kind_forbidden_and_a_token_replaced(new_kube: Kube, tmp_path: Path) -> None:
    client = Client(new_kube)
    for one in (SPACE, pod("seen", "10.9.4.1"), *role("pods", "nodes", "services", "replicasets")):
        client.create(one)
    path = kubeconfig(new_kube, tmp_path / "kubeconfig", token="stale")  # noqa: S106 - no secret
    with watching(path, "user") as watch:
        assert named(watch, "10.9.4.1") == "seen"
        until(lambda: len(watch.problems()) == 1)
        assert watch.problems()[0].startswith("deployments: never listed: deployments.apps is forb")
        assert measured(watch, "kube_synced")["Deployment",] == 0
        assert measured(watch, "kube_errors")["Deployment", "403"] >= 1
        client("PUT", f"/apis/{role()[0]['apiVersion']}/clusterroles/reader", role("*")[0])
        until(lambda: watch.problems() == [])
        assert measured(watch, "kube_synced")["Deployment",] == 1
    with watching(path) as watch:
        until(lambda: measured(watch, "kube_errors").get(("Pod", "401"), 0) > 0)
        until(lambda: watch.waiting() == [])
        kubeconfig(new_kube, path)
        until(lambda: named(watch, "10.9.4.1") == "seen" and watch.problems() == [])


def test_owners_not_every_cluster_has(kube_server: Kube, tmp_path: Path) -> None:
    with watching(kubeconfig(kube_server, tmp_path / "kubeconfig"), further=True) as watch:
        fresh(watch)
        assert watch.problems() == []
        assert measured(watch, "kube_objects")["VirtualMachineInstance",] == 0


def test_flows_while_pods_are_replaced(kube_server: Kube, tmp_path: Path) -> None:
    """Every flow gets the pod that had the address when it ended; a batch sees one state."""
    client = Client(kube_server)
    client.create({**SPACE, "metadata": {"name": "churn"}})
    addresses = [f"10.9.5.{number}" for number in range(40)]
    living = {ip: pod(f"p{number}", ip, "churn") for number, ip in enumerate(addresses)}
    for one in living.values():
        client.create(one)
    kubeconfig(kube_server, tmp_path / "kubeconfig")
    stage = Kubernetes(
        name="k8s", cluster=Access(kubeconfig="kubeconfig"), namespaces=["churn"], wait="10s"
    )
    assert list(stage.check(tmp_path)) == []
    assert "TimeFlowEndMs" in stage.reads()
    with closing(Lasting()) as lasting:
        env = Env(folder=tmp_path, lasting=lasting)
        step = stage.build(env)
        (refresh,) = env.before_batch
        refresh()
        began = round(time.time() * 1000)
        truth: list[tuple[str, str, int, int]] = []
        since = dict.fromkeys(addresses, began)
        for number in range(80):
            ip = addresses[number % 40]
            old, now = living[ip], round(time.time() * 1000)
            client.delete(old)
            truth.append((ip, old["metadata"]["name"], since[ip], now))
            living[ip] = pod(f"q{number}", ip, "churn")
            time.sleep(0.02)
            refresh()
            both = step(_flows([(ip, now), (ip, now), *[(a, now) for a in addresses]]))
            assert both["SrcK8S_Name"][0] == both["SrcK8S_Name"][1]
            client.create(living[ip])
            since[ip] = round(time.time() * 1000)
        until(lambda: step_names(step, refresh, addresses) == _names(living))
        asked = [(ip, name, when) for ip, name, a, b in truth for when in (a, (a + b) // 2, b)]
        found = step(_flows([(ip, when) for ip, _, when in asked]))
        assert found["SrcK8S_Name"].to_list() == [name for _, name, _ in asked]


def _names(living: dict[str, dict[str, Any]]) -> list[str]:
    return [one["metadata"]["name"] for one in living.values()]


def step_names(step: Step, refresh: Callable[[], None], addresses: list[str]) -> list[str | None]:
    refresh()
    now = round(time.time() * 1000)
    return step(_flows([(ip, now) for ip in addresses]))["SrcK8S_Name"].to_list()


def _flows(ends: list[tuple[str, int]]) -> pl.DataFrame:
    schema = {"SrcAddr": pl.String, "TimeFlowEndMs": pl.Int64}
    return pl.DataFrame(ends, schema=schema, orient="row")


def test_a_cluster_that_cannot_be_meant(tmp_path: Path) -> None:
    def messages(**fields: Any) -> list[str]:
        return [one.message for one in Kubernetes(name="k8s", **fields).check(tmp_path)]

    (tmp_path / "kubeconfig").write_text("kind: Config\ncontexts: [{name: one}]\n")
    assert messages(cluster=Access(kubeconfig="kubeconfig", context="one")) == []
    assert messages(cluster=Access()) == []
    assert messages(cluster=Access(kubeconfig="kubeconfig", context="on")) == [
        'kubeconfig has no context "on"'
    ]
    assert messages(cluster=Access(kubeconfig="no")) == [
        "no: cannot be read: No such file or directory"
    ]
    assert messages(cluster=Access(context="one")) == ["a context is one of a kubeconfig file"]
    assert messages() == ["an inventory file is needed"]
    both = messages(cluster=Access(), inventory="kubeconfig")
    assert both[-1] == "the objects come from `inventory` already: give one"
