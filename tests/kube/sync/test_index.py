"""An index that follows a real API server, through everything that goes wrong with one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
import yaml

from matrix import tables
from matrix.families import MatrixDirection
from pipeline import config, limits
from pipeline.app.job import Job
from pipeline.kube.api import objects
from pipeline.kube.api.access import Access
from pipeline.kube.api.client import ClusterConnection
from pipeline.kube.api.objects import Owner
from pipeline.kube.api.reflector import Reflector, Resource
from pipeline.stage import BuildContext, BuiltStage
from pipeline.stage.resources import ResourcePool
from pipeline.state.count_store import counters
from simulate import Simulation, simulate
from stages.kubernetes import Kubernetes
from tests.kube.live import SPACE, Client, Proxy, pod, populate, until
from tests.kube.watching import QUICK, at, fresh, measured, named, watching
from tests.real.apiserver import ApiServer
from tests.real.cluster import (
    apply,
    kubeconfig,
    present,
    read,
    service_account,
    token,
)
from tests.real.kube import Kube


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    return simulate("reference", tmp_path_factory.mktemp("reference") / "reference.pb")


def test_the_reference_from_a_live_cluster(made: Simulation, new_kube: Kube) -> None:
    """The matrix from a live cluster equals the one from its inventory, in both dialects."""
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
            own = job.exposer.page()
            assert ('kube_synced{kind="Pod"} 1' in own) == (path != made.config)
            past = [] if path == made.config else ["flows ended more than 300 s before they were"]
            said = [text.partition(" looked")[0] for text in limits.in_effect()]
            assert (said, job.not_ready()) == (past, "")
            assert set(job.notes()) <= {"limits"}
            limits._reached.clear()
            series = counters(job.counts)
            found.append(
                [
                    tables.connections(series, "netobserv", direction).rows
                    for direction in MatrixDirection
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
def test_an_address_belongs_to_whom_had_it(
    kube_server: ApiServer, space: str, tmp_path: Path, shift: float
) -> None:
    """`shift`: seconds by which the watcher's clock is wrong; it learns the server's time."""
    client = Client(kube_server)
    first, second = (pod(name, "198.18.0.1", space) for name in ("first", "second"))
    client.create(first)
    path = kubeconfig(kube_server, tmp_path)
    more: dict[str, Any] = {"window": 15.0, "clock": lambda: time.time() + shift}
    with watching(path, namespaces=[space], **more) as watch:
        assert named(watch, "198.18.0.1") == "first"
        held = round(time.time() * 1000)
        time.sleep(1.2 if shift else 0.2)
        client.delete(first)
        time.sleep(1.2 if shift else 0.2)
        client.create(second)
        until(lambda: named(watch, "198.18.0.1") == "second")
        assert named(watch, "198.18.0.1", held) == "first"
        assert named(watch, "198.18.0.1", round(time.time() * 1000)) == "second"
        until(lambda: named(watch, "198.18.0.1", held) == "second")


def test_changes_reach_owners(kube_server: ApiServer, space: str, tmp_path: Path) -> None:
    """Owners are real: a garbage collector takes away what has none."""
    client = Client(kube_server)
    shop, web = workload("Deployment", "shop", space), workload("ReplicaSet", "web", space)
    client.create(shop)
    client.create(web)
    owned = pod("web-1", "198.18.1.1", space)
    owned["metadata"]["ownerReferences"] = [owner(kube_server, web)]
    client.create(owned)
    path = kubeconfig(kube_server, tmp_path)
    with watching(path, namespaces=[space]) as watch:
        before = at(watch, "198.18.1.1")
        assert before
        assert before.owner == Owner("ReplicaSet", "web")
        version = watch.index.version
        web["metadata"]["ownerReferences"] = [owner(kube_server, shop)]
        apply(kube_server, web)

        def climbed() -> bool:
            found = at(watch, "198.18.1.1")
            return found is not None and found.owner == Owner("Deployment", "shop")

        until(climbed)
        assert "198.18.1.1" in (watch.index.changed(version) or ())


def workload(kind: str, name: str, space: str) -> dict[str, Any]:
    """A workload without pods."""
    labels = {"app": name}
    containers = [{"name": "main", "image": "workload"}]
    paused = {"paused": True} if kind == "Deployment" else {}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": space},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
            **paused,
        },
    }


def owner(server: ApiServer, one: dict[str, Any]) -> dict[str, Any]:
    """A reference to an object that is there."""
    found = {"apiVersion": one["apiVersion"], "kind": one["kind"]}
    return {**found, "name": one["metadata"]["name"], "uid": read(server, one)["metadata"]["uid"]}


def test_a_node_that_comes_brings_its_zone(
    own_kube_server: Kube, space: str, tmp_path: Path
) -> None:
    """On a server of ours: elsewhere a node is work for controllers."""
    client = Client(own_kube_server)
    on_it = pod("web-1", "198.18.1.2", space)
    on_it["spec"]["nodeName"] = "zoned"
    client.create(on_it)
    with watching(kubeconfig(own_kube_server, tmp_path), namespaces=[space]) as watch:
        before = at(watch, "198.18.1.2")
        assert before
        assert before.zone == ""
        version = watch.index.version
        zoned = {"name": "zoned", "labels": {"topology.kubernetes.io/zone": "z1"}}
        client.create(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": zoned,
                "status": {"addresses": [{"type": "InternalIP", "address": "198.18.1.9"}]},
            }
        )

        def in_zone() -> bool:
            found = at(watch, "198.18.1.2")
            return found is not None and found.zone == "z1"

        until(in_zone)
        assert "198.18.1.2" in (watch.index.changed(version) or ())


def test_a_killed_a_wiped_and_a_frozen_server(new_kube: Kube, tmp_path: Path) -> None:
    """The index keeps what it knows while the server is away, and follows it afterwards."""
    Client(new_kube).create(SPACE)
    Client(new_kube).create(pod("kept", "198.18.2.1"))
    path = kubeconfig(new_kube, tmp_path)
    with watching(path) as watch:
        assert named(watch, "198.18.2.1") == "kept"
        assert watch.problems() == []
        new_kube.kill()
        until(lambda: len(watch.problems()) == 5)
        assert any(text.startswith("pods: not current since 20") for text in watch.problems())
        assert named(watch, "198.18.2.1") == "kept"
        until(lambda: measured(watch, "kube_stale_seconds")["Pod",] > 0.5)
        new_kube.start()
        until(lambda: watch.problems() == [])
        Client(new_kube).create(pod("later", "198.18.2.2"))
        until(lambda: named(watch, "198.18.2.2") == "later")
        assert measured(watch, "kube_stale_seconds")["Pod",] == 0.0

        new_kube.wipe()
        until(lambda: watch.problems() == [] and measured(watch, "kube_objects")["Pod",] == 0)
        assert named(watch, "198.18.2.1") == "kept"  # for the window
        Client(new_kube).create(SPACE)
        Client(new_kube).create(pod("another", "198.18.2.1"))
        until(lambda: named(watch, "198.18.2.1") == "another")

        new_kube.freeze()
        until(lambda: len(watch.problems()) == 5)
        new_kube.thaw()
        until(lambda: watch.problems() == [])
        Client(new_kube).create(pod("thawed", "198.18.2.3"))
        until(lambda: named(watch, "198.18.2.3") == "thawed")


def test_cut_connections_go_on_where_they_were(
    kube_server: ApiServer, space: str, tmp_path: Path
) -> None:
    """A watch is resumed: nothing is listed again and no event is seen twice."""
    client = Client(kube_server)
    with Proxy(kube_server) as proxy:
        path = kubeconfig(kube_server, tmp_path, port=proxy.port)
        with watching(path, namespaces=[space]) as watch:
            fresh(watch)
            for number in range(4):
                client.create(pod(f"p{number}", f"198.18.3.{number}", space))
                until(lambda: named(watch, f"198.18.3.{number}") == f"p{number}")  # noqa: B023
                if number < 3:  # the watch is open: it brought the pod
                    proxy.cut()
            until(lambda: watch.problems() == [])
            assert measured(watch, "kube_errors")["Pod", "connection"] == 3
            assert measured(watch, "kube_events")["Pod", "added"] <= 4


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
    """410 Gone is answered with a new list, and is not a failure."""
    Client(new_kube).create(SPACE)
    new_kube.restart()  # its watch cache begins after what was before
    sink = Kept()
    connection = ClusterConnection(kubeconfig(new_kube, tmp_path))
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


class Slow(ClusterConnection):
    """Answers a watch when it is too late: who asked was told to stop."""

    asking: Reflector

    @contextmanager
    def request(self, path: str, query: Any = None, **more: Any) -> Iterator[Any]:
        with super().request(path, query, **more) as response:
            if query and "watch" in query:
                self.asking._stopped.set()
            yield response


def test_a_watch_that_opens_after_the_end_is_closed(kube_server: ApiServer, tmp_path: Path) -> None:
    """A response that comes after `stop` does not keep the thread alive."""
    resource = Resource("Namespace", "v1", "namespaces", namespaced=False)
    with closing(Slow(kubeconfig(kube_server, tmp_path))) as connection:
        reflector = connection.asking = Reflector(connection, resource, Kept())
        reflector.start()
        until(lambda: not reflector._thread.is_alive())


def reader(space: str, *plurals: str) -> list[dict[str, Any]]:
    """The right to follow some resources everywhere, bound to a service account."""
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": ["", "apps"], "resources": plurals, "verbs": ["get", "list", "watch"]}
    head = {"apiVersion": f"{group}/v1", "metadata": {"name": space}}
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": space}
    return [
        {**head, "kind": "ClusterRole", "rules": [rule]},
        {
            **head,
            "kind": "ClusterRoleBinding",
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": space},
            "subjects": [subject],
        },
    ]


def test_one_kind_forbidden(kube_server: ApiServer, space: str, tmp_path: Path) -> None:
    """The other kinds are used, the forbidden one is a problem until the right is granted."""
    account = service_account(space, "reader")
    apply(kube_server, account)
    Client(kube_server).create(pod("seen", "198.18.4.1", space))
    rights = reader(space, "pods", "nodes", "services", "replicasets")
    path = kubeconfig(kube_server, tmp_path, user=token(kube_server, account))
    with present(kube_server, *rights), watching(path, "user", namespaces=[space]) as watch:
        assert named(watch, "198.18.4.1") == "seen"
        until(lambda: len(watch.problems()) == 1)
        said = f"deployments of {space}: never listed: deployments.apps is forbidden"
        assert watch.problems()[0].startswith(said)
        assert measured(watch, "kube_synced")["Deployment",] == 0
        assert measured(watch, "kube_errors")["Deployment", "403"] >= 1
        apply(kube_server, reader(space, "*")[0])
        until(lambda: watch.problems() == [])
        assert measured(watch, "kube_synced")["Deployment",] == 1


def test_a_token_replaced(kube_server: ApiServer, space: str, tmp_path: Path) -> None:
    """A kubeconfig with a stale token is read again when it has been written anew."""
    Client(kube_server).create(pod("seen", "198.18.4.2", space))
    path = kubeconfig(kube_server, tmp_path, "stale")
    with watching(path, namespaces=[space]) as watch:
        until(lambda: measured(watch, "kube_errors").get(("Pod", "401"), 0) > 0)
        until(lambda: watch.waiting() == [])
        kubeconfig(kube_server, path)
        until(lambda: named(watch, "198.18.4.2") == "seen" and watch.problems() == [])


def test_owners_not_every_cluster_has(kube_server: ApiServer, space: str, tmp_path: Path) -> None:
    """Kinds that the server does not know count as empty."""
    path = kubeconfig(kube_server, tmp_path)
    with watching(path, namespaces=[space], further=True) as watch:
        fresh(watch)
        assert watch.problems() == []
        assert measured(watch, "kube_objects")["VirtualMachineInstance",] == 0


def test_flows_while_pods_are_replaced(kube_server: ApiServer, space: str, tmp_path: Path) -> None:
    """Every flow gets the pod that had the address when it ended; a batch sees one state."""
    client = Client(kube_server)
    addresses = [f"198.18.5.{number}" for number in range(40)]
    living = {ip: pod(f"p{number}", ip, space) for number, ip in enumerate(addresses)}
    for one in living.values():
        client.create(one)
    kubeconfig(kube_server, tmp_path)
    stage = Kubernetes(
        name="k8s", cluster=Access(kubeconfig="kubeconfig"), namespaces=[space], wait="60s"
    )
    assert list(stage.check(tmp_path)) == []
    assert "TimeFlowEndMs" in stage.reads()
    with closing(ResourcePool()) as resources:
        step = stage.build(BuildContext(folder=tmp_path), resources)
        refresh(step)
        began = round(time.time() * 1000)
        truth: list[tuple[str, str, int, int]] = []
        since = dict.fromkeys(addresses, began)
        for number in range(80):
            ip = addresses[number % 40]
            old, now = living[ip], round(time.time() * 1000)
            client.delete(old)
            truth.append((ip, old["metadata"]["name"], since[ip], now))
            living[ip] = pod(f"q{number}", ip, space)
            until(lambda: deleted(resources) > number)  # noqa: B023
            refresh(step)
            both = step(_flows([(ip, now), (ip, now), *[(a, now) for a in addresses]]))
            assert both["SrcK8S_Name"][0] == both["SrcK8S_Name"][1]
            client.create(living[ip])
            since[ip] = round(time.time() * 1000)
        until(lambda: step_names(step, addresses) == _names(living))
        asked = [(ip, name, when) for ip, name, a, b in truth for when in (a, (a + b) // 2, b)]
        found = step(_flows([(ip, when) for ip, _, when in asked]))
        assert found["SrcK8S_Name"].to_list() == [name for _, name, _ in asked]


def deleted(resources: ResourcePool) -> float:
    """How many pods the watch saw go."""
    measures = resources.self_metrics()
    return sum(value for _, value, labels in measures if labels == ("Pod", "deleted"))


def _names(living: dict[str, dict[str, Any]]) -> list[str]:
    return [one["metadata"]["name"] for one in living.values()]


def step_names(step: BuiltStage, addresses: list[str]) -> list[str | None]:
    refresh(step)
    now = round(time.time() * 1000)
    return step(_flows([(ip, now) for ip in addresses]))["SrcK8S_Name"].to_list()


def _flows(ends: list[tuple[str, int]]) -> pl.DataFrame:
    schema = {"SrcAddr": pl.String, "TimeFlowEndMs": pl.Int64}
    return pl.DataFrame(ends, schema=schema, orient="row")


def test_a_cluster_that_cannot_be_meant(tmp_path: Path) -> None:
    """Contradictions between inventory, cluster and context are found before a run."""

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


def refresh(built: BuiltStage) -> None:
    assert built.refresh
    built.refresh(threading.Event())
