"""What is said of a proposal, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from discovery.freshness import Stale
from discovery.peers import SERVER, Peers
from discovery.proposals import Alternative, Proposal, Workload
from discovery.special import MEANINGS
from matrix.cells import time_text

_SHOWN = 4


def summary(one: Proposal) -> str:
    """What a proposal is, how many addresses were seen, and how many it opens."""
    service = " ".join(filter(None, (one.provider, one.service, one.region)))
    origin = f"{service} (list: {one.list})" if service else one.source
    if one.purpose:
        origin = f"{one.purpose} addresses: {MEANINGS[one.purpose]}"
    opened = f"opens {counted(one.opened, 'address', 'es')}"
    seen = f"{len(one.addresses)} seen" if one.addresses else "none looked for"
    return f"{origin or 'in no list of ranges'}; {opened}, {seen}"


def lines(one: Proposal) -> Iterator[str]:
    """The evidence of a proposal, a sentence each."""
    yield summary(one)
    if one.workloads:
        verb = "reached by" if SERVER in one.roles else "reaches"
        verb = "reached by and reaches" if len(one.roles) > 1 else verb
        yield f"{verb} {_some([_workload(each) for each in one.workloads])}"
    if one.first_seen is not None and one.last_seen is not None:
        yield f"seen from {time_text(one.first_seen)} to {time_text(one.last_seen)}"
    if one.alternatives:
        yield f"also in {_some([_alternative(each) for each in one.alternatives])}"
    if one.further:
        yield f"{counted(len(one.further), 'further range')} of this service: {_some(one.further)}"
    if one.asked_names:
        seen = len(one.addresses)
        names = [f"{each.name} (before {each.addresses} of {seen})" for each in one.asked_names]
        yield f"DNS names asked for just before, by co-occurrence: {_some(names)}"


def stale_line(one: Stale) -> str:
    """What a label lacks, and what was withdrawn."""
    service = " ".join(filter(None, (one.provider, one.service, one.region)))
    parts = []
    if one.lacking:
        parts.append(f"lacks {counted(len(one.lacking), 'range')}: {', '.join(one.lacking)}")
    if one.withdrawn:
        parts.append(f"has {', '.join(one.withdrawn)}, which the list does not")
    return f'label "{one.name}" is {service} (list: {one.list}) and {"; it ".join(parts)}'


def notes(peers: Peers, lists: Sequence[str], beyond: int = 0) -> list[str]:
    """What a reader of proposals should know; `beyond` flows are in no edge."""
    found = []
    if not lists:
        found.append(
            "no list of providers' ranges: give --ranges FILE, or install flowmatrix[providers]"
        )
    if peers.unanswered:
        silent = counted(peers.unanswered, "address", "es")
        found.append(
            f"no connection was established with {silent}: left out (--all takes them too)"
        )
    if peers.beyond + beyond:
        flows = counted(peers.beyond + beyond, "flow")
        found.append(f"{flows} beyond a limit of encode_matrix: the addresses were not kept")
    return found


def counted(value: int, noun: str, plural: str = "s") -> str:
    """A number of things: 1 range, 2 ranges.

    >>> counted(1, "address", "es"), counted(1024, "address", "es")
    ('1 address', '1,024 addresses')
    """
    return f"{number(value)} {noun}{plural if value != 1 else ''}"


def number(value: int) -> str:
    """A number of addresses: 1,024, or a power of two where it is a large one.

    >>> number(1024), number(2**96), number(2**96 + 1)
    ('1,024', '2^96', '7.9e+28')
    """
    if value < 10**9:
        return f"{value:,}"
    return f"2^{value.bit_length() - 1}" if value.bit_count() == 1 else f"{float(value):.1e}"


def _workload(one: Workload) -> str:
    return "/".join(filter(None, (one.namespace, one.workload))) or "outside"


def _alternative(one: Alternative) -> str:
    service = " ".join(filter(None, (one.provider, one.service, one.region)))
    return f"{service} ({', '.join(one.cidrs[:_SHOWN])})"


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
