"""Elements that users map to fields: those of enterprises, or others of IANA."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from pipeline.flows.catalogue import CATALOGUE, Type
from pipeline.netflow.elements import FLOW_ADDRESSES, FLOW_NUMBERS, FLOW_TEXTS


class Kind(StrEnum):
    """How the bytes of an element are read."""

    NUMBER = "number"
    TEXT = "text"
    ADDRESS = "address"


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of `element` of an enterprise (0: IANA) become the field `name`."""

    element: int
    enterprise: int
    name: str
    kind: Kind
    little: bool = False


def usual_kind(name: str) -> Kind:
    """How the values of a field are usually written on the wire."""
    if name in FLOW_ADDRESSES or name.endswith("Addr"):
        return Kind.ADDRESS
    if name in FLOW_TEXTS or _is_text(name):
        return Kind.TEXT
    return Kind.NUMBER


def _is_text(name: str) -> bool:
    field = CATALOGUE.get(name)
    return field is not None and field.type in {Type.TEXT, Type.TEXTS} and name not in MACS


MACS = ("SrcMac", "DstMac")
NAMES = (*FLOW_NUMBERS, *FLOW_TEXTS, *FLOW_ADDRESSES, *MACS)
"""The fields that a mapping of flowlogs-pipeline may name."""
