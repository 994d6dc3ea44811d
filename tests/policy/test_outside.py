"""The networks that labels mean outside the cluster."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from pipeline.flows import cidr
from pipeline.kube.subnets import Label
from policy.outside import less, outside

POD_NETWORK = [ip_network("10.1.0.0/16")]


def texts(label: str, *labels: Label) -> list[str]:
    found = outside(labels, POD_NETWORK, ["10.1.0.7", "192.168.0.1"])
    return [str(net) for net in found[label]]


def test_a_label_is_without_the_labels_before_it_and_pods() -> None:
    first, wide = Label("first", ["10.0.0.0/9"]), Label("wide", ["10.0.0.0/8"])
    assert texts("wide", first, wide) == ["10.128.0.0/9"]
    assert texts("wide", Label("near", ["10.0.0.0/16"]), Label("wide", ["10.0.0.0/14"])) == [
        "10.2.0.0/15"
    ]
    assert texts("host", Label("host", ["192.168.0.0/30"])) == [
        *("192.168.0.0/32", "192.168.0.2/31")
    ]


def test_the_label_of_pods_keeps_its_networks() -> None:
    assert texts("Pods", Label("Pods", ["10.1.0.0/16"])) == ["10.1.0.0/16"]


_NETWORKS = st.builds(
    lambda number, length: ip_network((number << 24, length), strict=False),
    st.integers(0, 255),
    st.integers(1, 8),
)


@given(_NETWORKS, st.lists(_NETWORKS, max_size=4))
def test_a_network_less_others(net: cidr.Network, holes: list[cidr.Network]) -> None:
    """Address by address, one of each /8."""
    within = [one for one in holes if one == net or one.prefixlen > net.prefixlen]
    left = less(net, within)
    for number in range(256):
        place = ip_address(number << 24)
        kept = place in net and not any(place in hole for hole in within)
        assert any(place in one for one in left) == kept
