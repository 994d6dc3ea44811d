"""A query for both directions of what it matches: itself, or itself with source for destination.

As the console of NetObserv does it ("back and forth"), here in one pass: a flow that meets both is
there once.
"""

from __future__ import annotations

import re

import msgspec

from pipeline.flows.catalogue import CATALOGUE
from pipeline.predicate import template
from pipeline.predicate.condition import All, Any, Equal, Not, Query

_END = re.compile("Src|Dst")
_OTHER = {"Src": "Dst", "Dst": "Src"}


def both_ways(query: Query) -> Query:
    """The query, or the same with every field of one end replaced by that of the other end."""
    return Any((query, turned(query)))


def turned(query: Query) -> Query:
    """The query with every field of one end replaced by that of the other end."""
    if isinstance(query, All):
        return type(query)(tuple(map(turned, query.parts)))
    if isinstance(query, Not):
        return Not(turned(query.part))
    names = {"field": opposite(query.field)} if hasattr(query, "field") else {}
    if isinstance(query, Equal):
        names["value"] = template.replaced(query.value, opposite)
    return msgspec.structs.replace(query, **names)


def opposite(field: str) -> str:
    """The same field of the other end; a field of no end is itself.

    >>> opposite("SrcK8S_Name"), opposite("XlatDstPort"), opposite("Bytes")
    ('DstK8S_Name', 'XlatSrcPort', 'Bytes')
    """
    other = _END.sub(lambda end: _OTHER[end.group()], field, count=1)
    known = other in CATALOGUE or (field not in CATALOGUE and field.startswith(tuple(_OTHER)))
    return other if known else field
