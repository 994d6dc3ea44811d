"""Enrichment from an inventory: the golden cases of the original, and what they leave open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import Severity
from pipeline.kube.api import objects
from pipeline.kube.columns import Copied
from pipeline.kube.enrich import EndFields
from pipeline.kube.index import keys
from pipeline.kube.index.entries import IndexOptions
from pipeline.kube.index.index import Index
from pipeline.kube.index.kept import NOTHING, kept
from pipeline.kube.index.keys import Secondary
from pipeline.kube.inventory import file
from pipeline.kube.inventory.export import manifests
from pipeline.kube.knowledge import ObjectKnowledge
from pipeline.stage import BuildContext, Step
from pipeline.testing import assert_laws
from stages.kubernetes import Kubernetes
from tests.stages.flows import GOLDEN, Flow, frame, lines, rules, run

BASIC = GOLDEN / "k8s-basic"
CASES = ["k8s-basic", "k8s-infra-layer", "k8s-labels", "k8s-otel", "k8s-secondary-mac"]
_BY_KEY = EndFields("SrcAddr", "SrcK8S", "SrcMac", "Interfaces")
OBJECT_FIELDS = ("SrcK8S", "DstK8S", "source.", "destination.", "SrcL", "DstL", "SrcA_")


def copied(rule: dict[str, Any], many: str) -> Copied:
    one = many.removesuffix("s")
    return Copied(
        prefix=rule.get(f"{many}_prefix", ""),
        include=rule.get(f"{one}_inclusions", []),
        exclude=rule.get(f"{one}_exclusions", []),
        max_length=rule.get(f"{one}_value_max_length"),
    )


def stage_of(case: str) -> Kubernetes:
    """The add_kubernetes rules of a case as one stage."""
    found = [rule for rule in rules(case) if rule["type"] == "add_kubernetes"]
    kube = found[0]["kubeConfig"]
    ends = [
        EndFields(
            address=k["ipField"],
            output=k["output"],
            mac=k.get("macField", ""),
            interfaces=k.get("interfacesField", ""),
            udns=k.get("udnsField", ""),
            assignee=k.get("assignee", ""),
            zone=k.get("add_zone", False),
            labels=copied(k, "labels"),
            annotations=copied(k, "annotations"),
        )
        for k in (rule["kubernetes"] for rule in found)
    ]
    indexed = [dict.fromkeys(one["index"], True) for one in kube.get("secondaryNetworks", [])]
    return Kubernetes(
        name="enrich",
        inventory="kube.yaml",
        ends=ends,
        tracked_kinds=kube.get("trackedKinds", []),
        secondary_networks=[Secondary(**one) for one in indexed],
    )


def step(stage: Kubernetes, *, folder: Path = BASIC, needed: frozenset[str] | None = None) -> Step:
    return stage.build(BuildContext(folder=folder, needed=needed))


def pods(*extra: dict[str, Any]) -> Index:
    return Index(map(objects.of, extra))


def pod(name: str, ip: str, **more: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", **more}
    return {"kind": "Pod", "metadata": meta, "status": {"podIPs": [{"ip": ip}]}}


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    stage = stage_of(case)
    assert not list(stage.check(GOLDEN / case))
    got = run(step(stage, folder=GOLDEN / case), lines(case, "flows.jsonl"))
    ours = (GOLDEN / case / "ours.jsonl").exists()
    expected = lines(case, "ours.jsonl" if ours else "expected.jsonl")
    assert got == [{k: v for k, v in e.items() if k != "K8S_FlowLayer"} for e in expected]


def test_golden_operator_records() -> None:
    """Kafka records, seen at this stage: the fields of the objects behind both addresses."""
    case = "operator-records"
    expected = lines(case, "expected.jsonl")
    written = [{k: v for k, v in e.items() if k.startswith(OBJECT_FIELDS)} for e in expected]
    incoming = [
        {k: e[k] for k in ("SrcAddr", "DstAddr", "SrcMac", "DstMac", "Interfaces", "Udns")}
        for e in expected
    ]
    got = run(step(stage_of(case), folder=GOLDEN / case), incoming)
    assert [{k: v for k, v in g.items() if k.startswith(OBJECT_FIELDS)} for g in got] == written


def test_an_unknown_address_leaves_what_was_there() -> None:
    flows: list[Flow] = [{"SrcAddr": "8.8.8.8", "SrcK8S_Name": "kept"}, {"SrcAddr": "10.0.1.12"}]
    got = run(step(Kubernetes(name="k", inventory="kube.yaml")), flows)
    assert got[0] == flows[0]
    assert got[1]["SrcK8S_Name"] == "worker-3"


def test_an_odd_value_makes_way_for_the_found_one() -> None:
    flows: list[Flow] = [
        {"SrcAddr": "10.0.1.12", "SrcK8S_Name": ["odd"]},
        {"SrcAddr": "x", "SrcK8S_Name": 7},
    ]
    got = run(step(Kubernetes(name="k", inventory="kube.yaml")), flows)
    assert [flow["SrcK8S_Name"] for flow in got] == ["worker-3", 7]


def test_only_needed_columns() -> None:
    needed = frozenset({"SrcAddr", "SrcK8S_Name", "DstK8S_Zone", "L_app", "L_none"})
    stage = Kubernetes(
        name="k",
        inventory="kube.yaml",
        zone=True,
        ends=[
            EndFields("SrcAddr", "SrcK8S", labels=Copied("L")),
            EndFields("DstAddr", "DstK8S"),
        ],
    )
    flows = frame([{"SrcAddr": "10.128.0.14", "DstAddr": "10.129.0.20"}])
    got = step(stage, needed=needed)(flows)
    assert set(got.columns) - set(flows.columns) == needed - {"SrcAddr"}
    assert got.row(0, named=True) == {
        "row": 0,
        "SrcAddr": "10.128.0.14",
        "DstAddr": "10.129.0.20",
        "SrcK8S_Name": "front-6d4cf56db6-x2x9k",
        "DstK8S_Zone": "eu-west-3b",
        "L_app": "front",
        "L_none": None,
    }


def test_labels_win_over_fields_of_the_same_name() -> None:
    index = pods(pod("a", "10.0.0.1", labels={"Name": "x"}), pod("b", "10.0.0.2"))
    stage = Kubernetes(name="k", ends=[EndFields("SrcAddr", "SrcK8S", labels=Copied("SrcK8S"))])
    got = run(
        stage.attach(index, BuildContext()), [{"SrcAddr": "10.0.0.1"}, {"SrcAddr": "10.0.0.2"}]
    )
    assert [flow["SrcK8S_Name"] for flow in got] == ["x", "b"]


def test_reads_only_what_is_configured() -> None:
    assert Kubernetes(name="k").reads() == {"SrcAddr", "DstAddr"}
    by_mac = Kubernetes(name="k", secondary_networks=[Secondary(mac=True)])
    assert by_mac.reads() == {"SrcAddr", "DstAddr", "SrcMac", "DstMac"}
    rest = Kubernetes(name="k", secondary_networks=[Secondary(udn=True), Secondary(interface=True)])
    assert rest.reads() == {"SrcAddr", "DstAddr", "Interfaces", "Udns"}


def test_a_file_that_tells_of_the_past_is_asked_by_time(tmp_path: Path) -> None:
    """Only then the time of a flow is read."""
    index = Index(options=IndexOptions(window=60.0))
    for name, at in (("old", 1000), ("new", 9000)):
        index.put(("Pod", "shop", "old"), NOTHING, at)
        one = objects.of(pod(name, "10.0.0.1", creationTimestamp="1970-01-01T00:00:02Z"))
        index.put(("Pod", "shop", name), kept(one, index.options), at)
    file.write(manifests(index.dump()), tmp_path / "kube.json")
    stage = Kubernetes(name="k", inventory="kube.json")
    context = BuildContext(folder=tmp_path)
    assert stage.also_reads(context) == {"TimeFlowEndMs"}
    flows: list[Flow] = [{"SrcAddr": "10.0.0.1", "TimeFlowEndMs": at} for at in (8999, 9000)]
    assert [flow["SrcK8S_Name"] for flow in run(stage.build(context), flows)] == ["old", "new"]
    plain = Kubernetes(name="k", inventory="kube.yaml")
    assert plain.also_reads(BuildContext(folder=BASIC)) == set()


def test_one_index_per_file() -> None:
    context = BuildContext(folder=BASIC)
    names = ("kube.yaml", "kube.yaml", "../k8s-basic/kube.yaml")
    stages = [Kubernetes(name="k", inventory=name) for name in names]
    built = [one.build(context) for one in stages]
    indexes = [one.knowledge.index for one in built if isinstance(one.knowledge, ObjectKnowledge)]
    assert [index is indexes[0] for index in indexes] == [True] * 3


def test_a_changed_index_is_seen_by_the_next_batch() -> None:
    index = pods(pod("a", "10.0.0.1", labels={"x": "1"}))
    stage = Kubernetes(name="k", ends=[EndFields("SrcAddr", "SrcK8S", labels=Copied("L"))])
    enrich = stage.attach(index, BuildContext())
    flows = [{"SrcAddr": "10.0.0.1"}]
    assert run(enrich, flows)[0]["L_x"] == "1"
    index.add(objects.of(pod("b", "10.0.0.1", labels={"y": "2"}, creationTimestamp="2025")))
    assert run(enrich, flows)[0]["SrcK8S_Name"] == "b"
    assert run(enrich, flows)[0]["L_y"] == "2"
    index.remove("Pod", "shop", "b")
    index.remove("Pod", "shop", "a")
    assert run(enrich, flows) == flows


def test_an_address_in_another_form_follows_the_index() -> None:
    """What a flow calls its address is remembered too, and stays as it was written."""
    index = pods(pod("a", "fd00:1::7"))
    enrich = Kubernetes(name="k", ends=[EndFields("SrcAddr", "K")]).attach(index, BuildContext())
    flows = [{"SrcAddr": text} for text in ("FD00:1::7", "fd00:1:0:0:0:0:0:7", "fd00:1::7")]
    assert [one["K_Name"] for one in run(enrich, flows)] == ["a"] * 3
    assert [one["SrcAddr"] for one in run(enrich, flows)] == [one["SrcAddr"] for one in flows]
    index.add(objects.of(pod("b", "FD00:1:0::7", creationTimestamp="2025")))
    assert [one["K_Name"] for one in run(enrich, flows)] == ["b"] * 3
    index.remove("Pod", "shop", "b")
    index.remove("Pod", "shop", "a")
    assert run(enrich, flows) == flows


@pytest.mark.parametrize(
    ("parts", "flow"),
    [
        (Secondary(ip=True), {"SrcAddr": "192.168.5.4"}),
        (Secondary(mac=True), {"SrcAddr": "1.2.3.4", "SrcMac": "02:aa:00:00:00:01"}),
        (Secondary(interface=True), {"SrcAddr": "1.2.3.4", "Interfaces": ["net1"]}),
    ],
    ids=["ip", "mac", "interface"],
)
def test_a_key_that_comes_and_goes_is_seen_too(parts: Secondary, flow: Flow) -> None:
    stage = Kubernetes(name="k", secondary_networks=[parts], ends=[_BY_KEY])
    index = Index(options=IndexOptions(secondary=(parts,)))
    enrich = stage.attach(index, BuildContext())
    assert run(enrich, [flow]) == [flow]
    net1 = {"name": "l2", "interface": "net1", "ips": ["192.168.5.4"], "mac": "02:aa:00:00:00:01"}
    annotations = {keys.NETWORK_STATUS: json.dumps([net1])}
    index.add(objects.of(pod("a", "10.0.0.1", annotations=annotations)))
    assert run(enrich, [flow])[0]["SrcK8S_Name"] == "a"
    index.add(objects.of(pod("a", "10.0.0.1")))
    assert run(enrich, [flow]) == [flow]


def test_interfaces_and_udns_of_json_flows_work_too() -> None:
    """A documented difference: the original looks them up for protobuf flows only."""
    indexed = [Secondary(interface=True, ip=True), Secondary(udn=True)]
    stage = Kubernetes(name="k", inventory="kube.yaml", secondary_networks=indexed)
    flows: list[Flow] = [
        {"SrcAddr": "192.168.5.4", "Interfaces": ["eth9", "net1"]},
        {"SrcAddr": "10.200.0.12", "Udns": ["", "mesh/primary"]},
        {"SrcAddr": "10.200.0.12", "Udns": ["default"]},
        {"SrcAddr": "10.200.0.12", "Udns": "mesh/primary"},
    ]
    got = run(step(stage), flows)
    networks = [(flow.get("SrcK8S_Name"), flow.get("SrcK8S_NetworkName")) for flow in got]
    assert networks == [
        ("multus-1", "vms/l2"),
        ("udn-1", "mesh/primary"),
        (None, None),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("stage", "path", "message"),
    [
        (Kubernetes(name="k"), ("inventory",), "an inventory file is needed"),
        (
            Kubernetes(name="k", inventory="no.yaml"),
            ("inventory",),
            "no.yaml: cannot be read: No such file or directory",
        ),
        (
            Kubernetes(name="k", inventory="kube.yaml", ends=[]),
            ("ends",),
            "no end to look up: leave `ends` out for source and destination",
        ),
        (
            Kubernetes(
                name="k", inventory="kube.yaml", ends=[EndFields("", "A"), EndFields("x", "A")]
            ),
            ("ends", 0, "address"),
            "`address` is empty",
        ),
        (
            Kubernetes(
                name="k", inventory="kube.yaml", ends=[EndFields("y", "A"), EndFields("x", "A")]
            ),
            ("ends", 1, "output"),
            '"A" is written by two ends',
        ),
        (
            Kubernetes(name="k", inventory="kube.yaml", secondary_networks=[Secondary()]),
            ("secondary_networks", 0),
            "none of mac, ip, interface, udn is true",
        ),
        (
            Kubernetes(name="k", inventory="kube.yaml", tracked_kinds=["Replicaset"]),
            ("tracked_kinds", 0),
            '"Replicaset" is not a usual kind of owner',
        ),
        (
            Kubernetes(name="k", inventory="kube.yaml", cni=["calico"]),
            ("cni", 0),
            'unknown network plugin "calico"',
        ),
    ],
)
def test_check(stage: Kubernetes, path: tuple[str | int, ...], message: str) -> None:
    assert (path, message) in [(found.path, found.message) for found in stage.check(BASIC)]


def test_an_inventory_without_addresses_is_a_warning(tmp_path: Path) -> None:
    file.write([{"kind": "Deployment", "metadata": {"name": "a"}}], tmp_path / "kube.json")
    stage = Kubernetes(name="k", inventory="kube.json")
    assert [found.severity for found in stage.check(tmp_path)] == [Severity.WARNING]
    assert run(step(stage, folder=tmp_path), [{"SrcAddr": "10.0.0.1"}]) == [{"SrcAddr": "10.0.0.1"}]


def test_a_broken_inventory_refuses_the_build(tmp_path: Path) -> None:
    (tmp_path / "kube.yaml").write_text("kind: Pod\n")
    with pytest.raises(ValueError, match=r"kube.yaml: document 1: .*metadata.name is missing"):
        step(Kubernetes(name="k", inventory="kube.yaml"), folder=tmp_path)


ADDRESSES = st.sampled_from(
    [
        "10.128.0.14",
        "10.129.0.20",
        "10.0.1.11",
        "172.30.0.1",
        "8.8.8.8",
        "",
        "192.168.5.4",
        12,
        None,
    ]
)
FLOWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "SrcAddr": ADDRESSES,
            "DstAddr": ADDRESSES,
            "SrcMac": st.sampled_from(["02:aa:bb:cc:dd:01", "ff:ff:ff:ff:ff:ff", 3]),
            "SrcK8S_Name": st.sampled_from(["kept", 1, None]),
        },
    ),
    min_size=1,
    max_size=12,
)
LAW = step(
    Kubernetes(
        name="k",
        inventory="kube.yaml",
        secondary_networks=[Secondary(mac=True)],
        ends=[
            EndFields("SrcAddr", "SrcK8S", mac="SrcMac", labels=Copied("SrcL"), zone=True),
            EndFields("DstAddr", "destination.", assignee="otel"),
        ],
    )
)


@given(FLOWS, st.integers(0, 12))
def test_laws(flows: list[dict[str, Any]], cut: int) -> None:
    assert_laws(LAW, flows, cut)


def test_a_frame_without_addresses_passes() -> None:
    flows = pl.DataFrame({"row": [0, 1]})
    assert LAW(flows).equals(flows)
