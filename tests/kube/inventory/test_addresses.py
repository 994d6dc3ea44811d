"""What is said of texts in the place of an address that are none."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.kube.api import objects
from pipeline.kube.inventory.addresses import strange

LONG = "1" * 99


def one(kind: str, **parts: Any) -> objects.Object:
    return objects.of({"kind": kind, "metadata": {"name": "a", "namespace": "shop"}, **parts})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            one("Pod", status={"podIP": "10.0.0.300", "podIPs": [{"ip": "10.0.0.300"}]}),
            'status.podIP "10.0.0.300" and status.podIPs[0].ip "10.0.0.300" are not addresses',
        ),
        (
            one("Pod", status={"hostIP": "n\n1", "hostIPs": [{"ip": "10.0.0.1"}, {"ip": "n2"}]}),
            'status.hostIP "n\ufffd1" and status.hostIPs[1].ip "n2" are not addresses',
        ),
        (
            one("Pod", status={"podIPs": [{"ip": text} for text in "abcde"]}),
            (
                'status.podIPs[0].ip "a" and status.podIPs[1].ip "b" and status.podIPs[2].ip "c" '
                "and 2 more are not addresses"
            ),
        ),
        (
            one("Node", status={"addresses": [{"type": "InternalIP", "address": "abc"}]}),
            'status.addresses[0].address "abc" is not an address',
        ),
        (
            one("Service", spec={"clusterIP": "None", "clusterIPs": ["None", LONG]}),
            f'spec.clusterIPs[1] "{LONG[:60]}..." is not an address',
        ),
    ],
)
def test_what_is_none_is_named_with_its_field(found: objects.Object, said: str) -> None:
    assert strange(found) == f"{found.kind} shop/a: {said}"


@pytest.mark.parametrize(
    "found",
    [
        one("Pod", status={"podIP": "", "podIPs": [], "hostIP": None}),
        one("Pod", status={"podIP": "010.1.1.1", "hostIP": "fe80::1%eth0"}),
        one("Pod"),
        one("Node", status={"addresses": [{"type": "Hostname", "address": "worker-1"}]}),
        one("Node", status={"addresses": [{"type": "ExternalIP", "address": "fd00::1"}]}),
        one("Service", spec={"clusterIP": "None"}),
        one("Service", spec={"type": "ExternalName", "externalName": "x.example"}),
        one("Odd", status={"podIP": 7}),
    ],
)
def test_what_needs_no_address_is_not(found: objects.Object) -> None:
    assert strange(found) == ""
