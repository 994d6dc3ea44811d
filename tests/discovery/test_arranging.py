"""The order of labels: each address gets the name that was proposed for it."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from discovery import networks
from discovery.arranging import arranged
from discovery.proposals import Proposal
from pipeline.flows.prefix_table import PrefixTable

CIDRS = st.builds(
    lambda number, length: str(ipaddress.ip_network((number << 24, length), strict=False)),
    st.integers(1, 6),
    st.integers(4, 10),
)
NAMES = st.dictionaries(st.sampled_from("abcd"), st.sets(CIDRS, min_size=1, max_size=4))


def proposal(name: str, *cidrs: str) -> Proposal:
    return Proposal(name=name, cidrs=list(cidrs), opened=networks.size(cidrs))


def written(*proposals: Proposal) -> list[tuple[str, list[str]]]:
    return [(one.name, one.cidrs) for one in arranged(proposals)]


def test_what_is_inside_comes_first() -> None:
    """Even where it opens more in all."""
    small, large = proposal("ec2", "13.36.0.0/14"), proposal("s3", "13.36.84.48/28", "3.0.0.0/8")
    assert written(small, large) == [
        ("s3", ["13.36.84.48/28", "3.0.0.0/8"]),
        ("ec2", ["13.36.0.0/14"]),
    ]


def test_a_network_of_two_stays_with_the_narrower() -> None:
    wide, narrow = proposal("ec2", "3.5.204.0/22", "13.36.0.0/14"), proposal("s3", "3.5.204.0/22")
    assert written(wide, narrow) == [("s3", ["3.5.204.0/22"]), ("ec2", ["13.36.0.0/14"])]
    assert written(proposal("a", "10.0.0.0/8"), proposal("b", "10.0.0.0/8")) == [
        ("a", ["10.0.0.0/8"])
    ]


def test_both_ways_inside_each_other() -> None:
    one = proposal("a", "10.0.0.0/8", "11.0.0.0/9")
    other = proposal("b", "11.0.0.0/8", "10.0.0.0/9")
    assert written(one, other) == [
        ("a", ["11.0.0.0/9"]),
        ("b", ["10.0.0.0/9"]),
        ("a", ["10.0.0.0/8"]),
        ("b", ["11.0.0.0/8"]),
    ]


@given(NAMES)
def test_the_first_label_is_the_narrowest(given_names: dict[str, set[str]]) -> None:
    found = arranged([proposal(name, *sorted(cidrs)) for name, cidrs in given_names.items()])
    listed = [(net, one.name) for one in found for net in networks.read(one.cidrs)]
    table = PrefixTable(listed)
    for net, name in listed:
        hit = table.first(net.network_address)
        narrowest = table.longest(net.network_address)
        assert hit
        assert narrowest
        assert hit[1] == narrowest[1]
        assert name in given_names
    assert {str(net) for net, _ in listed} == set().union(*given_names.values())
