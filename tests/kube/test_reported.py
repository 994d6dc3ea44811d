"""Inventories from public reports, whose addresses once belonged to the wrong object, or to none.

Each folder of `reported/` is one of them, as it is.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import flowmatrix

REPORTED = Path(__file__).parent / "reported"


def flows(report: str, folder: Path) -> list[dict[str, Any]]:
    """The flows that the report's pipeline writes."""
    shutil.copytree(REPORTED / report, folder, dirs_exist_ok=True)
    done = flowmatrix("run", str(folder / "config.yaml"), "--once")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def who(report: str, address: str) -> dict[str, str]:
    """What `who` says of an address in the report's inventory, text by title."""
    done = flowmatrix("who", address, "--inventory", str(REPORTED / report / "inv.yaml"))
    assert done.exit_code == 0, done.output
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


def ends(flow: dict[str, Any]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Kind and name of both ends."""
    source, destination = (
        (flow.get(f"{end}K8S_Type", ""), flow.get(f"{end}K8S_Name", "")) for end in ("Src", "Dst")
    )
    return source, destination


def test_addresses_are_the_same_in_every_form(tmp_path: Path) -> None:
    """kubernetes/kubernetes#107735: the API holds expanded and upper-case IPv6 addresses."""
    first, second = map(ends, flows("address-forms", tmp_path))
    assert [kind for kind, _ in (*first, *second)] == ["Pod", "Service", "Pod", "Node"]
    assert all(name for _, name in (*first, *second))


@pytest.mark.parametrize("text", ["fd00:10:244:1:0:0:0:7", "fd00:10:244:1::7", "FD00:10:244:1::7"])
def test_who_takes_any_form_of_an_address(text: str) -> None:
    assert who("address-forms", text)["object"].startswith("Pod ")


def test_an_ended_pod_gives_way_to_the_node(tmp_path: Path) -> None:
    """otterize/network-mapper#198: a completed pod keeps its address in its status."""
    (flow,) = flows("ended-pod-hides-node", tmp_path)
    assert ends(flow)[0] == ("Node", "ip-10-1-2-3")
    assert flow["FlowDirection"] == 1, "egress: the agent is on the node of the source"


def test_host_network_pods_are_their_node_in_both_families(tmp_path: Path) -> None:
    """kubernetes/kubernetes#95239: their podIPs have both addresses of the node."""
    four, six = map(ends, flows("hostnetwork-dual-stack", tmp_path))
    assert four[0] == six[0] == ("Node", "worker-a")


def test_an_equal_sign_is_a_text() -> None:
    """kubernetes-client/python#2049: as kubectl prints a pod with an argument `=`."""
    assert who("inventory-equal-sign", "10.244.0.9")["object"] == "Pod shop/web-1"


@pytest.mark.parametrize("address", ["10.244.3.3", "10.244.3.4"])
def test_the_owner_is_the_controller(address: str) -> None:
    """Dynatrace/dynatrace-operator#3170: other owners may stand before it, at any step."""
    assert who("owner-not-controller", address)["owner"] == "Deployment web"
