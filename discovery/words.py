"""What is said of a proposal, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from discovery.freshness import Stale
from discovery.peers import SERVER, Peers
from discovery.proposals import Alternative, Proposal, Workload
from discovery.special import MEANINGS

_SHOWN = 4


def summary(one: Proposal) -> str:
    """What a proposal is, how many addresses were seen, and how many it opens."""
    service = " ".join(filter(None, (one.provider, one.service, one.region)))
    origin = f"{service} (list: {one.list})" if service else one.source
    if one.purpose:
        origin = f"{one.purpose} addresses: {MEANINGS[one.purpose]}"
    opened = f"opens {number(one.opened)} address{'es' if one.opened != 1 else ''}"
    seen = f"{len(one.addresses)} seen" if one.addresses else "none looked for"
    return f"{origin or 'in no list of ranges'}; {opened}, {seen}"


def lines(one: Proposal) -> Iterator[str]:
    """The evidence of a proposal, a sentence each."""
    yield summary(one)
    if one.workloads:
        verb = "reached by" if SERVER in one.roles else "reaches"
        verb = "reached by and reaches" if len(one.roles) > 1 else verb
        yield f"{verb} {_some([_workload(each) for each in one.workloads])}"
    if one.alternatives:
        yield f"also in {_some([_alternative(each) for each in one.alternatives])}"
    if one.further:
        yield f"{len(one.further)} further ranges of this service: {_some(one.further)}"
    if one.asked_names:
        names = [f"{each.name} (before {each.addresses})" for each in one.asked_names]
        yield f"DNS names asked for just before, by co-occurrence: {_some(names)}"


def stale_line(one: Stale) -> str:
    """What a label lacks, and what was withdrawn."""
    service = " ".join(filter(None, (one.provider, one.service, one.region)))
    parts = []
    if one.lacking:
        parts.append(f"lacks {len(one.lacking)} ranges: {', '.join(one.lacking)}")
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
        found.append(
            f"{peers.unanswered} addresses with which no connection was established are left out"
            " (--all takes them too)"
        )
    if peers.beyond + beyond:
        found.append(
            f"{peers.beyond + beyond} flows are beyond a limit of encode_matrix: "
            "their addresses were not kept"
        )
    return found


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
