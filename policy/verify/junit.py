"""A verification as JUnit XML: a test case for each edge that counts."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from pipeline.diagnostics import printable
from policy.judge.verdicts import LOST, Verdict
from policy.verify.verification import Verification


def junit(found: Verification) -> str:
    """One suite; an edge that would be denied is a failure, one that is not decided is skipped."""
    rows = found.edges.filter("counts").to_dicts()
    suite = ET.Element("testsuite", name="flowmatrix policy verify", tests=str(len(rows)))
    suite.set("failures", str(sum(row["verdict"] in LOST for row in rows)))
    undecided = {Verdict.UNDECIDED.value, Verdict.UNKNOWN.value}
    suite.set("skipped", str(sum(row["verdict"] in undecided for row in rows)))
    for row in rows:
        case = ET.SubElement(suite, "testcase", classname=printable(row["client"]))
        port = "" if row["port"] is None else f" {row['port']}"
        case.set("name", printable(f"to {row['server']} {row['protocol']}{port}"))
        if row["verdict"] in LOST:
            ET.SubElement(case, "failure", message=printable(_reason(row)))
        elif row["verdict"] in undecided:
            ET.SubElement(case, "skipped", message=printable(row["why"]))
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _reason(row: dict[str, Any]) -> str:
    by = f"denied by {', '.join(row['isolated_by'])}"
    return f"{by}: {row['why']}" if row["why"] else by
