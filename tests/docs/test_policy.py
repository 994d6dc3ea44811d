"""The NetworkPolicy of the page is one, and each of its entries is a row of the matrix."""

from __future__ import annotations

import csv
import re

import yaml

from simulate import Simulation
from tests.docs.markdown import ROOT
from tests.support.commands import flowmatrix

PAGE = (ROOT / "docs" / "from-flows-to-policy.md").read_text(encoding="utf-8")


def test_every_port_of_the_policy_is_in_the_matrix(made: Simulation) -> None:
    """But DNS, of which the page says that SYN does not show it."""
    (text,) = [one for one in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "kind:" in one]
    policy = yaml.safe_load(text)["spec"]
    asked = ("--namespace", "netobserv", "--format", "csv")
    shown = {
        side: flowmatrix("matrix", made.config, *asked, "--direction", side).stdout.splitlines()
        for side in ("in", "out")
    }
    rows = {side: list(csv.DictReader(lines)) for side, lines in shown.items()}
    for side, entries in (("in", policy["ingress"]), ("out", policy["egress"])):
        ports = {row["port"] for row in rows[side] if row["workload"] == "flowlogs-pipeline"}
        wanted = {str(port["port"]) for entry in entries for port in entry["ports"]}
        assert wanted - {"5353"} <= ports
