from __future__ import annotations

from typing import Any

from tests.config.flp.given import START, refused, stages, translated


def network(rules: str, more: str = "") -> str:
    return f"transform: {{type: network, network: {{rules: [{rules}]{more}}}}}"


KUBERNETES = {
    "inventory": "cluster.yaml",
    "tracked_kinds": ["Deployment"],
    "secondary_networks": [{"mac": True, "ip": True}],
    "cni": ["ovn"],
}
CONFIG = (
    ", kubeConfig: {configPath: cluster.yaml, trackedKinds: [Deployment], managedCNI: [],"
    " secondaryNetworks: [{name: n, index: {MAC: null, ip: null}}]}"
)


def end(address: str, output: str, **more: Any) -> dict[str, Any]:
    return {"address": address, "output": output, **more}


def test_rules_become_stages_in_order_and_the_last_keeps_the_name() -> None:
    rules = (
        "{type: add_kubernetes, kubernetes: {ipField: SrcAddr, output: Src}},"
        "{type: add_kubernetes, kubernetes: {ipField: DstAddr, output: Dst, assignee: otel}},"
        "{type: decode_tcp_flags, decode_tcp_flags: {input: Flags, output: Names}},"
        "{type: add_kubernetes, kubernetes: {ipField: X, output: Src}},"
        "{type: add_kubernetes, kubernetes: {ipField: Y, output: Src}},"
        "{type: add_subnet, add_subnet: {input: SrcAddr, output: Net, subnet_mask: /24}}"
    )
    assert stages(network(rules, CONFIG)) == [
        {
            "name": "s/kubernetes",
            "type": "kubernetes",
            "follows": "in",
            "ends": [end("SrcAddr", "Src"), end("DstAddr", "Dst", assignee="otel")],
            **KUBERNETES,
        },
        {
            "name": "s/tcp_flags",
            "type": "tcp_flags",
            "follows": "s/kubernetes",
            "input": "Flags",
            "output": "Names",
        },
        {
            "name": "s/kubernetes-2",
            "type": "kubernetes",
            "follows": "s/tcp_flags",
            "ends": [end("X", "Src")],
            **KUBERNETES,
        },
        {
            "name": "s/kubernetes-3",
            "type": "kubernetes",
            "follows": "s/kubernetes-2",
            "ends": [end("Y", "Src")],
            **KUBERNETES,
        },
        {
            "name": "s",
            "type": "subnet",
            "follows": "s/kubernetes-3",
            "input": "SrcAddr",
            "output": "Net",
            "mask": "/24",
        },
    ]


def test_every_field_of_an_end() -> None:
    rule = (
        "{type: add_kubernetes, kubernetes: {ipField: A, macField: M, interfacesField: I,"
        " udnsField: U, output: O, add_zone: true, labels_prefix: L, label_inclusions: [a],"
        " label_exclusions: [b], label_value_max_length: 0, annotations_prefix: N,"
        " annotation_inclusions: [c], annotation_exclusions: [d], annotation_value_max_length: 9}}"
    )
    (stage,) = stages(network(rule))
    assert stage["ends"] == [
        {
            "address": "A",
            "output": "O",
            "mac": "M",
            "interfaces": "I",
            "udns": "U",
            "zone": True,
            "labels": {"prefix": "L", "include": ["a"], "exclude": ["b"], "max_length": 0},
            "annotations": {"prefix": "N", "include": ["c"], "exclude": ["d"], "max_length": 9},
        }
    ]
    assert (stage["cluster"], stage["tracked_kinds"], stage["cni"]) == ({}, [], ["ovn"])


def test_labels_of_subnets_go_to_every_end() -> None:
    rules = (
        "{type: add_subnet_label, add_subnet_label: {input: A, output: B}},"
        "{type: add_subnet_label, add_subnet_label: {input: C, output: D}}"
    )
    (stage,) = stages(network(rules, ", subnetLabels: [{name: n, cidrs: [10.0.0.0/8]}]"))
    assert stage == {
        "name": "s",
        "type": "subnet_label",
        "follows": "in",
        "labels": [{"name": "n", "cidrs": ["10.0.0.0/8"]}],
        "ends": [{"input": "A", "output": "B"}, {"input": "C", "output": "D"}],
    }


def test_infrastructure_direction_and_services() -> None:
    rules = (
        "{type: add_kubernetes_infra, kubernetes_infra: {namespaceNameFields:"
        " [{namespace: N, name: M}], output: L, infra_prefixes: [p],"
        " infra_refs: [{namespace: default, name: kubernetes}]}},"
        "{type: reinterpret_direction},"
        "{type: add_service, add_service: {input: P, output: S, protocol: Q}}"
    )
    more = (
        ", directionInfo: {reporterIPField: R, srcHostField: H, dstHostField: I,"
        " flowDirectionField: F, ifDirectionField: G}, servicesFile: a, protocolsFile: b"
    )
    infra, direction, service = stages(network(rules, more))
    assert infra == {
        "name": "s/flow_layer",
        "type": "flow_layer",
        "follows": "in",
        "pairs": [{"namespace": "N", "name": "M"}],
        "output": "L",
        "infra_prefixes": ["p"],
        "infra_refs": [{"namespace": "default", "name": "kubernetes"}],
    }
    assert direction == {
        "name": "s/direction",
        "type": "direction",
        "follows": "s/flow_layer",
        "reporter": "R",
        "source_host": "H",
        "destination_host": "I",
        "output": "F",
        "interface_direction": "G",
    }
    assert service == {
        "name": "s",
        "type": "service_name",
        "follows": "s/direction",
        "input": "P",
        "output": "S",
        "protocol": "Q",
        "services_file": "a",
        "protocols_file": "b",
    }


def test_no_rules_pass_everything() -> None:
    assert stages(network("")) == [{"name": "s", "type": "pass_through", "follows": "in"}]


def test_refused_rules() -> None:
    rules = (
        "{type: add_subnet_labels}, {type: add_subnet}, {type: reinterpret_direction},"
        "{type: add_location},"
        "{type: add_location, add_location: {input: A, output: B}},"
        "{type: add_kubernetes, kubernetes: {ipField: A, output: B, assignee: ecs}}"
    )
    more = ", kubeConfig: {secondaryNetworks: [{index: {ips: null}}]}"
    needed = "reporterIPField, srcHostField, dstHostField, flowDirectionField"
    assert refused(network(rules, more)) == [
        ('unknown part of an index "ips"', 'did you mean "ip"?'),
        (f"reinterpret_direction needs {needed}", ""),
        ('unknown rule type "add_subnet_labels"', 'did you mean "add_subnet_label"?'),
        ('the rule add_subnet needs "add_subnet"', ""),
        ('the rule add_location needs "add_location"', ""),
        (
            'the rule add_location needs "file_path": the file of a database of places',
            "none is downloaded here",
        ),
        ('warning: "ecs" is ignored', 'only "otel" is known'),
    ]


def test_locations_have_a_stage_each_and_as_numbers_share_one() -> None:
    rules = (
        "{type: add_location, add_location: {input: A, output: B, file_path: x.BIN}},"
        "{type: add_location, add_location: {input: C, output: D, file_path: y.BIN}},"
        "{type: add_asn_label, add_asn_label: {input: A, output: S}},"
        "{type: add_asn_label, add_asn_label: {input: C, output: T}}"
    )
    first, second, asn = stages(network(rules))
    assert (first["type"], first["file"]) == ("location", "x.BIN")
    assert second["ends"] == [{"input": "C", "output": "D"}]
    assert (asn["type"], asn["cluster"]) == ("asn_label", {})
    assert asn["ends"] == [{"input": "A", "output": "S"}, {"input": "C", "output": "T"}]
    of_file = stages(network(rules, ", kubeConfig: {configPath: frr.yaml}"))[2]
    assert of_file["inventory"] == "frr.yaml"


def test_translated_addresses_are_looked_up_without_mac_and_networks() -> None:
    rules = ",".join(
        f"{{type: add_kubernetes, kubernetes: {{ipField: {end}Addr, output: {end}K8S}}}}"
        for end in ("Src", "XlatSrc", "XlatDst")
    )
    (stage,) = stages(network(rules))
    assert stage["ends"] == [
        {"address": f"{end}Addr", "output": f"{end}K8S"} for end in ("Src", "XlatSrc", "XlatDst")
    ]


def test_an_end_points_at_its_own_rule() -> None:
    rules = (
        "{type: add_kubernetes, kubernetes: {ipField: A, output: B}},"
        "{type: add_kubernetes, kubernetes: {ipField: C, output: D}}"
    )
    translation = translated(f"{START}- {{name: s, {network(rules)}}}\n")
    at = ("parameters", 1, "transform", "network")
    assert translation.origins["stages", 1, "ends", 1] == (*at, "rules", 1, "kubernetes")


def test_generic_rules() -> None:
    rules = "[{input: a, output: b}, {input: c, output: d, multiplier: 8}]"
    (stage,) = stages(f"transform: {{type: generic, generic: {{rules: {rules}}}}}")
    assert stage == {
        "name": "s",
        "type": "generic",
        "follows": "in",
        "policy": "preserve_original_keys",
        "rules": [
            {"input": "a", "output": "b", "multiplier": 0},
            {"input": "c", "output": "d", "multiplier": 8},
        ],
    }
    assert refused("transform: {type: generic, generic: {policy: replace}}") == [
        ('unknown policy "replace"', 'did you mean "replace_keys"?')
    ]
