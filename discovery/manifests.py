"""Proposals as YAML for who takes subnet labels: NetObserv's resources, and our own stage."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum

from discovery.proposals import Proposal
from discovery.words import summary
from pipeline.diagnostics import printable


class Kind(StrEnum):
    """What the labels are written for."""

    FLOWCOLLECTOR = "flowcollector"
    SLICE = "slice"
    STAGE = "stage"


_FLOWCOLLECTOR = """\
# Add these labels to those that the FlowCollector has: a patch would replace its list.
apiVersion: flows.netobserv.io/v1beta2
kind: FlowCollector
metadata:
  name: cluster
spec:
  processor:
    subnetLabels:
      customLabels:
"""
_SLICE = """\
# The labels of a slice apply to the flows of the whole cluster.
apiVersion: flows.netobserv.io/v1alpha1
kind: FlowCollectorSlice
metadata:
  name: discovered
  namespace: {namespace}
spec:
  subnetLabels:
"""
_STAGE = """\
# `follows` names the stage before it; stages that read subnet labels follow this one.
- name: subnets
  type: subnet_label
  follows: flows
  labels:
"""


def manifest(proposals: Sequence[Proposal], kind: Kind, namespace: str = "") -> str:
    """The YAML of proposals, every text quoted; `namespace` is that of a slice.

    Above each label a comment says what it is.
    """
    head = {Kind.FLOWCOLLECTOR: _FLOWCOLLECTOR, Kind.SLICE: _SLICE, Kind.STAGE: _STAGE}[kind]
    text = head.format(namespace=json.dumps(namespace)) if kind is Kind.SLICE else head
    indent = {Kind.FLOWCOLLECTOR: 8, Kind.SLICE: 4, Kind.STAGE: 4}[kind]
    if not proposals:
        return text.rstrip().removesuffix(":") + ": []\n"
    return text + "".join(f"{' ' * indent}{line}\n" for line in _lines(proposals))


def _lines(proposals: Sequence[Proposal]) -> Iterator[str]:
    for one in proposals:
        yield f"# {printable(summary(one))}"
        yield f"- name: {json.dumps(one.name)}"
        yield "  cidrs:"
        yield from (f"    - {json.dumps(cidr)}" for cidr in one.cidrs)
