"""What an index knows, written as Kubernetes objects and read again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.kube import subnets
from pipeline.kube.api import objects
from pipeline.kube.index import keys
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.index import Index
from pipeline.kube.index.kept import NOTHING, kept
from pipeline.kube.index.keys import Secondary
from pipeline.kube.index.owners import Climb
from pipeline.kube.inventory import file
from pipeline.kube.inventory.export import GAINED, RELEASED, SEEN, labelled, manifests, restore
from pipeline.kube.subnets import Label
from pipeline.kube.sync.index import _stamp

NOON = 1_777_636_800_000  # 2026-05-01T12:00:00Z
PLAIN = IndexOptions(window=300.0)
EVERYTHING = IndexOptions(
    secondary=(Secondary(mac=True), Secondary(interface=True, ip=True), Secondary(udn=True)),
    annotations=True,
    window=300.0,
)


def again(index: Index) -> Index:
    """The index of the objects that an index writes."""
    found = Index(options=index.options)
    for one in json.loads(json.dumps(list(manifests(index.dump())))):
        restore(found, objects.of(one))
    return found


def texts(index: Index) -> set[str]:
    """Every text that something is, or was, found by."""
    dump = index.dump()
    present = (text for one in dump.entries.values() for text in (*one.addresses, *one.networks))
    return {*present, *(former.text for former in dump.past)}


def same(one: Index, other: Index) -> None:
    """Everything asked of either has the same answer."""
    assert one.dump() == other.dump()
    for text in texts(one):
        assert one.periods(text) == other.periods(text)
        assert one.claimants(text) == other.claimants(text)
        for period, network in one.periods(text):
            peers = [index.peer(period.entry, network, Climb()) for index in (one, other)]
            assert peers[0] == peers[1]


def pod(name: str, *ips: str, **more: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", **more.pop("metadata", {})}
    status = {"podIPs": [{"ip": ip} for ip in ips], "hostIP": "10.0.0.1", **more}
    return {"kind": "Pod", "metadata": meta, "spec": {"nodeName": "n1"}, "status": status}


PORTS = st.lists(
    st.fixed_dictionaries(
        {"containerPort": st.sampled_from([80, 5353])},
        optional={
            "name": st.just("http"),
            "protocol": st.sampled_from(["TCP", "UDP"]),
            "hostPort": st.just(8080),
        },
    ),
    max_size=2,
)
SPECS = st.fixed_dictionaries(
    {
        "containers": st.lists(
            st.fixed_dictionaries(
                {"ports": PORTS},
                optional={
                    "livenessProbe": st.just({"httpGet": {"port": "http"}}),
                    "readinessProbe": st.sampled_from([80, 81, "81"]).map(
                        lambda port: {"tcpSocket": {"port": port}}
                    ),
                },
            ),
            max_size=2,
        )
    },
    optional={"hostNetwork": st.booleans()},
)
OFFERED = st.lists(
    st.fixed_dictionaries(
        {"port": st.just(80)},
        optional={
            "name": st.just("http"),
            "targetPort": st.sampled_from([8080, "http"]),
            "nodePort": st.just(30_080),
        },
    ),
    max_size=2,
)


IPS = st.sampled_from(["10.1.0.1", "10.1.0.2", "fd00::1"])
SECONDS = st.integers(0, 400)


def time(seconds: int) -> str:
    return f"2026-05-01T12:{seconds // 60:02}:{seconds % 60:02}Z"


def attached(ip: str, text: str) -> dict[str, str]:
    attachment = {"name": f"vms/{text}", "interface": "net1", "ips": [ip], "mac": "02:AA::01"}
    return {
        keys.NETWORK_STATUS: json.dumps([attachment]),
        keys.POD_NETWORKS: json.dumps({f"shop/{text}": {"ip_address": f"{ip}/24"}}),
        "note": text,
    }


METADATA = st.fixed_dictionaries(
    {},
    optional={
        "creationTimestamp": SECONDS.map(time),
        "labels": st.just({"app": "web"}),
        "annotations": st.builds(attached, IPS, st.sampled_from(["red", "blue"])),
        "ownerReferences": st.just([{"kind": "ReplicaSet", "name": "rs"}]),
    },
)


def state(phase: str, changed: str, start: str) -> dict[str, Any]:
    """Phase and condition of a pod, either known or not."""
    status = "False" if phase in {"Succeeded", "Failed"} else "True"
    ready = {"type": "PodReadyToStartContainers", "status": status, "lastTransitionTime": changed}
    return {"phase": phase, "conditions": [ready] if changed else [], "startTime": start or None}


TIMES = st.one_of(st.just(""), SECONDS.map(time))
STATUS = st.builds(
    lambda ips, state: {"podIPs": ips, "hostIP": "10.0.0.1", **state},
    st.lists(IPS.map(lambda ip: {"ip": ip}), max_size=2, unique_by=str),
    st.builds(state, st.sampled_from(["Running", "Succeeded", "Pending", "Failed"]), TIMES, TIMES),
)
PODS = st.builds(
    lambda name, metadata, spec, status: {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", **metadata},
        "spec": spec,
        "status": status,
    },
    st.sampled_from("ab"),
    METADATA,
    SPECS,
    STATUS,
)
SERVICES = st.builds(
    lambda ip, selector, ports: {
        "kind": "Service",
        "metadata": {"name": "svc", "namespace": "shop"},
        "spec": {"clusterIPs": [ip], "selector": selector, "ports": ports},
    },
    IPS,
    st.sampled_from([{}, {"app": "web"}]),
    OFFERED,
)
NODES = IPS.map(
    lambda ip: {
        "kind": "Node",
        "metadata": {
            "name": "n1",
            "labels": {"topology.kubernetes.io/zone": "z1"},
            "annotations": {keys.NODE_SUBNETS: '{"default": "10.1.0.0/24"}'},
        },
        "status": {"addresses": [{"address": "10.0.0.1"}, {"address": ip}]},
    }
)
OTHERS = st.sampled_from(
    [
        {
            "kind": "ReplicaSet",
            "metadata": {
                "name": "rs",
                "namespace": "shop",
                "ownerReferences": [{"kind": "Deployment", "name": "web"}],
            },
        },
        {"kind": "UserDefinedNetwork", "metadata": {"name": "red", "namespace": "shop"}},
        {"kind": "ClusterUserDefinedNetwork", "metadata": {"name": "blue"}},
    ]
)
CHANGES = st.lists(
    st.tuples(st.one_of(PODS, PODS, PODS, SERVICES, NODES, OTHERS), st.booleans(), SECONDS),
    min_size=1,
    max_size=12,
)


@settings(max_examples=3 * settings().max_examples)
@given(CHANGES, st.sampled_from([PLAIN, EVERYTHING]))
def test_what_was_watched_is_read_as_it_was(
    changes: list[tuple[dict[str, Any], bool, int]], options: IndexOptions
) -> None:
    """Any history of changes survives being written and read."""
    index = Index(options=options)
    for number, (manifest, gone, after) in enumerate(changes):
        one, at = objects.of(manifest), NOON + 40_000 * number + 7 * after
        key = (one.kind, one.metadata.namespace or "", one.metadata.name)
        fresh = NOTHING if gone else kept(one, options)
        if fresh.entry:
            _stamp(fresh.entry, index.dump().entries.get(key), at, watched=True)
        index.put(key, fresh, at)
        index.expire(at)
    found = again(index)
    same(index, found)
    same(found, again(found))


def test_those_who_let_go_at_once_keep_their_order() -> None:
    """The order in which it was learnt is kept in the file."""
    index = Index(options=PLAIN)
    for name, ip in (("a", "10.1.0.2"), ("b", "10.1.0.1")):
        index.add(objects.of(pod(name, ip, "10.1.0.9")))
    for name in "ba":
        index.put(("Pod", "shop", name), NOTHING, NOON)
    assert [one.entry.name for one in again(index).dump().past] == ["b", "b", "a", "a"]
    same(index, again(index))


@pytest.mark.parametrize("name", ["k.yaml", "k.json.gz", "k.jsonl"])
def test_in_a_file(name: str, tmp_path: Path) -> None:
    """A pod that has another address now is there twice: as it is, and as it was."""
    index = Index(options=PLAIN)
    for at, ip in ((NOON, "10.1.0.1"), (NOON + 5500, "10.1.0.2")):
        index.put(("Pod", "shop", "a"), kept(objects.of(pod("a", ip)), PLAIN), at)
    file.write(manifests(index.dump()), tmp_path / name)
    found, problems = file.load(tmp_path / name, PLAIN)
    assert problems == []
    same(index, found)
    now, before = manifests(found.dump())
    assert "deletionTimestamp" not in now["metadata"]
    assert before["metadata"]["deletionTimestamp"] == "2026-05-01T12:00:05.500Z"
    assert before["metadata"]["annotations"][RELEASED] == "10.1.0.1"


def test_a_key_that_a_pod_got_later() -> None:
    """The time of a key of its own survives being written and read."""
    status = json.dumps([{"name": "vms/red", "interface": "net1", "ips": ["10.9.0.1"]}])
    annotated = {"annotations": {keys.NETWORK_STATUS: status}}
    index = Index(options=EVERYTHING)
    bare, fresh = (
        kept(objects.of(pod("a", "10.1.0.1", metadata=meta)), EVERYTHING)
        for meta in ({}, annotated)
    )
    assert fresh.entry
    _stamp(fresh.entry, bare.entry, NOON, watched=True)
    index.put(("Pod", "shop", "a"), fresh, NOON)
    assert fresh.entry.gained == {"net1~10.9.0.1~": NOON}
    same(index, again(index))


def test_other_files_are_read_as_they_are(tmp_path: Path) -> None:
    """A pod that is being deleted has its address; of annotations only ours are no annotations."""
    going = pod("a", "10.1.0.1", metadata={"deletionTimestamp": "2026-05-01T12:00:00Z"})
    file.write([going], tmp_path / "k.json")
    index, _ = file.load(tmp_path / "k.json")
    assert (index.timed, len(index), index.dump().past) == (False, 1, ())
    noted = pod("a", "10.1.0.1", metadata={"annotations": {SEEN: "2026-05-01T12:00:00Z", "x": "1"}})
    file.write([noted], tmp_path / "k.json")
    index, _ = file.load(tmp_path / "k.json", IndexOptions(annotations=True))
    assert (index.timed, index.annotation_keys()) == (True, {"x"})


def test_an_index_without_past_claims_no_times() -> None:
    """Nothing is written about times that are not known."""
    index = Index([objects.of(pod("a", "10.1.0.1", startTime="2026-05-01T12:00:00Z"))])
    assert "annotations" not in next(manifests(index.dump()))["metadata"]
    assert not again(index).timed


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"annotations": {SEEN: "noon"}}, f'{SEEN}: "noon" is not a time'),
        ({"annotations": {RELEASED: "10.1.0.1"}}, 'deletionTimestamp: "" is not a time'),
        ({"annotations": {GAINED: '{"k": "noon"}'}}, f'{GAINED} of k: "noon" is not a time'),
        ({"annotations": {GAINED: "[]"}}, f"{GAINED}: expected mapping, got list"),
    ],
)
def test_a_time_that_is_none(metadata: dict[str, Any], message: str, tmp_path: Path) -> None:
    """A time in our annotations that cannot be read is named with its annotation."""
    file.write([pod("a", "10.1.0.1", metadata=metadata)], tmp_path / "k.json")
    _, problems = file.load(tmp_path / "k.json")
    assert [one.message for one in problems] == [f"k.json: document 1, item 1: Pod a: {message}"]


def test_labels_are_those_and_no_others() -> None:
    """The FlowCollector that is written switches autodetection off."""
    labels = [Label("db", ["10.7.0.0/16"]), Label("EXT:ExternalIP", ["10.8.0.0/16", "fd00::/8"])]
    node = {"kind": "Node", "metadata": {"name": "n"}, "spec": {"podCIDRs": ["10.1.0.0/24"]}}
    assert subnets.described(map(objects.of, [labelled(labels), node]), []) == labels


def test_without_labels_of_the_cluster_nothing_is_derived_from_its_nodes() -> None:
    """Nodes of an inventory of a worker carry no address types, so that no label is derived."""
    node = {
        "kind": "Node",
        "metadata": {"name": "n"},
        "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
    }

    def derived(found: Iterable[Any]) -> list[Label]:
        return subnets.described(map(objects.of, found), [])

    assert derived([node]) != []
    assert derived(manifests(Index([objects.of(node)]).dump())) == []
