"""Subnet labels: golden case, the blog's boundaries, first against longest, lint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import Severity
from pipeline.kube.inventory import file
from pipeline.kube.subnets import Label
from pipeline.stage import BuildContext
from pipeline.stage.address_field import AddressField
from pipeline.testing import assert_laws
from stages.subnet_label import SubnetLabel
from tests.stages.flows import Flow, frame, lines, rules, run
from tests.support.openshift import CONFIG, INSTALL

CASE = "network-subnet-labels"
S3 = Label(
    "AWS_S3_eu-west-3",
    [
        "16.12.20.0/24",
        "52.95.156.0/24",
        "3.5.204.0/22",
        "52.95.154.0/23",
        "16.12.18.0/23",
        "3.5.224.0/22",
        "13.36.84.48/28",
        "13.36.84.64/28",
    ],
)
"""The custom label of the scenario (docs/reference/scenario.md#external-traffic)."""


def stage(*labels: Label, **more: Any) -> SubnetLabel:
    return SubnetLabel(name="s", labels=list(labels), **more)


def label_of(found: SubnetLabel, *addresses: object, folder: Path = Path()) -> list[object]:
    flows: list[Flow] = [{"DstAddr": address} for address in addresses]
    got = run(found.build(BuildContext(folder=folder)), flows)
    return [flow.get("DstSubnetLabel") for flow in got]


def hidden(name: str, net: str, by: str) -> str:
    return f'label "{name}": {net} never applies, {by} comes before it'


def test_golden() -> None:
    found = list(rules(CASE))
    labels = [Label(**one) for one in found[0]["subnetLabels"]]
    ends = [AddressField(**rule["add_subnet_label"]) for rule in found]
    step = stage(*labels, ends=ends).build(BuildContext())
    assert run(step, lines(CASE, "flows.jsonl")) == lines(CASE, "expected.jsonl")


def test_golden_lint() -> None:
    labels = [Label(**one) for one in next(rules(CASE))["subnetLabels"]]
    found = [(p.path, p.message, p.severity) for p in stage(*labels).check(Path())]
    assert found == [
        (("labels", 6, "name"), 'unusual name ""', Severity.WARNING),
        (
            ("labels", 10, "cidrs", 0),
            'label "hostbits": "198.51.100.77/24" has host bits',
            Severity.WARNING,
        ),
        (
            ("labels", 4, "cidrs", 0),
            hidden("late-specific", "10.0.5.0/24", '"Machines" with 10.0.0.0/16'),
            Severity.WARNING,
        ),
        (
            ("labels", 4, "cidrs", 1),
            hidden("late-specific", "10.129.0.9/32", '"Pods" with 10.128.0.0/14'),
            Severity.WARNING,
        ),
    ]


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("3.5.203.255", False),
        ("3.5.204.0", True),
        ("3.5.207.255", True),
        ("3.5.208.0", False),
        ("13.36.84.47", False),
        ("13.36.84.48", True),
        ("13.36.84.79", True),
        ("13.36.84.80", False),
        ("3.5.206.141", True),
        ("3.5.205.175", True),
        ("3.5.205.38", True),
    ],
)
def test_boundaries_of_the_blog(address: str, *, inside: bool) -> None:
    assert label_of(stage(S3), address) == [S3.name if inside else None]


WIDE, NARROW = Label("wide", ["10.0.0.0/8"]), Label("narrow", ["10.1.0.0/16", "fd01::/64"])


def test_first_in_list_order_or_longest() -> None:
    addresses = ("10.1.2.3", "10.2.0.1", "fd01::1", "11.0.0.1")
    assert label_of(stage(WIDE, NARROW), *addresses) == ["wide", "wide", "narrow", None]
    by_length = stage(WIDE, NARROW, match="longest")
    assert label_of(by_length, *addresses) == ["narrow", "wide", "narrow", None]
    assert label_of(stage(NARROW, WIDE), *addresses) == ["narrow", "wide", "narrow", None]


def test_lint_only_where_the_order_hides_something() -> None:
    assert list(stage(NARROW, WIDE).check(Path())) == []
    assert list(stage(WIDE, NARROW, match="longest").check(Path())) == []
    assert list(stage(WIDE, Label("wide", ["10.1.0.0/16"])).check(Path())) == []
    [found] = stage(WIDE, NARROW).check(Path())
    assert found.hint == 'list "narrow" first, or set `match: longest`'
    [twice] = stage(WIDE, Label("again", ["10.0.0.0/8"])).check(Path())
    assert twice.message == hidden("again", "10.0.0.0/8", '"wide" with 10.0.0.0/8')


@pytest.mark.parametrize(
    ("found", "path", "message", "severity"),
    [
        (
            stage(Label("a", ["10.0.0.0/8", "10.0.0.0/40"])),
            ("labels", 0, "cidrs", 1),
            'label "a": "10.0.0.0/40" is not a valid CIDR',
            Severity.ERROR,
        ),
        (
            stage(Label("a", ["10.0.0.1"])),
            ("labels", 0, "cidrs", 0),
            'label "a": "10.0.0.1" is not a valid CIDR',
            Severity.ERROR,
        ),
        (
            stage(Label("1 a", ["10.0.0.0/8"])),
            ("labels", 0, "name"),
            'unusual name "1 a"',
            Severity.WARNING,
        ),
        (
            stage(),
            ("labels",),
            "there is no label, so no flow gets one",
            Severity.WARNING,
        ),
        (
            stage(S3, ends=[AddressField("a", "")]),
            ("ends", 0, "output"),
            "`output` is empty",
            Severity.ERROR,
        ),
        (
            stage(S3, autodetect="none.yaml"),
            ("autodetect",),
            "none.yaml: cannot be read: No such file or directory",
            Severity.ERROR,
        ),
    ],
)
def test_check(
    found: SubnetLabel, path: tuple[str | int, ...], message: str, severity: Severity
) -> None:
    assert [(p.path, p.message, p.severity) for p in found.check(Path())] == [
        (path, message, severity)
    ]


def test_good_names() -> None:
    names = ["AWS_S3_eu-west-3", "EXT:AWS_S3_eu-west-3", "Machines", "-x", ":y"]
    assert list(stage(*(Label(name, []) for name in names)).check(Path())) == []


def test_custom_labels_come_before_detected_ones(tmp_path: Path) -> None:
    file.write([INSTALL, CONFIG], tmp_path / "cluster.yaml")
    custom = Label("api", ["10.0.3.0/24"])
    found = stage(custom, autodetect="cluster.yaml")
    assert list(found.check(tmp_path)) == []
    addresses = (
        "10.0.3.1",
        "10.0.4.1",
        "10.128.2.2",
        "172.30.0.1",
        "192.0.2.1",
        "100.64.0.1",
        "8.8.8.8",
    )
    assert label_of(found, *addresses, folder=tmp_path) == [
        "api",
        "Machines",
        "Pods",
        "Services",
        "EXT:ExternalIP",
        "Machines",
        None,
    ]


def test_a_file_that_tells_nothing_is_a_warning(tmp_path: Path) -> None:
    file.write([{"kind": "Deployment", "metadata": {"name": "a"}}], tmp_path / "k.json")
    [problem] = stage(autodetect="k.json").check(tmp_path)
    assert problem.severity is Severity.WARNING
    assert problem.message == "k.json: nothing to derive a subnet label from"


def test_only_needed_ends() -> None:
    step = stage(S3).build(BuildContext(needed=frozenset({"SrcSubnetLabel"})))
    got = step(frame([{"SrcAddr": "3.5.204.1", "DstAddr": "3.5.204.1"}]))
    assert set(got.columns) == {"row", "SrcAddr", "DstAddr", "SrcSubnetLabel"}


LAW = stage(WIDE, NARROW, Label("six", ["::/0"])).build(BuildContext())
ADDRESSES = st.sampled_from(
    ["10.1.2.3", "10.9.0.1", "fd01::1", "::ffff:10.1.1.1", "x", "", 7, None]
)
FLOWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "SrcAddr": ADDRESSES,
            "DstAddr": ADDRESSES,
            "SrcSubnetLabel": st.sampled_from(["kept", 4, None]),
        },
    ),
    min_size=1,
    max_size=12,
)


@given(FLOWS, st.integers(0, 12))
def test_laws(flows: list[dict[str, Any]], cut: int) -> None:
    assert_laws(LAW, flows, cut)
