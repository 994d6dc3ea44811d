"""Labels that lack what a newer list has."""

from __future__ import annotations

import pytest

from discovery.freshness import Stale, stale
from pipeline.kube.subnets import Label
from simulate.reference import S3
from tests.discovery.made import AWS, known

KNOWN = known(*AWS, title="AWS 2026-10-26")
NEWER = ("1.178.90.0/24", "3.2.84.0/24", "3.2.111.0/24", "2600:1ffa:8000::/40")


def test_the_label_of_the_post_lacks_what_came_since() -> None:
    """All its networks are in EC2 or AMAZON as well, but S3 has most of them."""
    name, cidrs = S3
    assert stale([Label(name, list(cidrs))], KNOWN) == [
        Stale(name, "AWS", "S3", "eu-west-3", "AWS 2026-10-26", NEWER, ())
    ]


def test_labels_of_one_name_are_one() -> None:
    name, cidrs = S3
    assert stale([Label(name, list(cidrs)), Label(name, list(NEWER))], KNOWN) == []


def test_what_was_withdrawn_is_named() -> None:
    label = Label("S3", [*S3[1], *NEWER, "52.0.0.0/24"])
    (found,) = stale([label], KNOWN)
    assert (found.lacking, found.withdrawn) == ((), ("52.0.0.0/24",))


def test_of_equal_services_the_narrowest() -> None:
    (found,) = stale([Label("x", ["3.5.204.0/22"])], KNOWN)
    assert found.service == "S3"
    assert "3.5.224.0/22" in found.lacking


@pytest.mark.parametrize(
    "cidrs", [["10.0.0.0/8"], ["3.5.204.0/22", "10.0.0.0/8", "11.0.0.0/8"], []]
)
def test_labels_of_something_else_are_left_alone(cidrs: list[str]) -> None:
    assert stale([Label("x", cidrs)], KNOWN) == []


def test_without_lists_nothing_is_stale() -> None:
    assert stale([Label("x", ["3.5.204.0/22"])], known()) == []


def test_a_wider_network_has_all_inside_it() -> None:
    """A label may hold a network that is around published ones."""
    (found,) = stale([Label("x", [*S3[1], "1.178.90.0/23", "3.2.0.0/16"])], KNOWN)
    assert found.lacking == ("2600:1ffa:8000::/40",)
