"""What is known of exporters: templates, sampling and sequence; datagrams become payloads.

Every bound takes the least recently used away, and says so (`pipeline.limits`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from pipeline import limits
from pipeline.decode.splitting import Damaged
from pipeline.netflow import options as told
from pipeline.netflow import packet as packets
from pipeline.netflow import template
from pipeline.netflow.options import Options
from pipeline.netflow.packet import V5_RECORD, Packet, Set
from pipeline.netflow.payload import Head, address_text
from pipeline.netflow.template import V5, MalformedError, Template
from pipeline.stage import Measures

MOST_EXPORTERS = 1024
MOST_TEMPLATES = 1024
"""Of one exporter."""
MOST_FIELDS = 2_000_000
"""Of all templates together."""
UNKNOWN = "template unknown"
_RESTART = 1 << 20
"""A sequence that jumps so far has begun anew."""
_V5_KEY = V5.key
_OTHERS = "others"
_K = TypeVar("_K")
_V = TypeVar("_V")
_Domain = tuple[int, int]
"""Version and observation domain."""


@dataclass
class Exporter:
    """What one address has sent. Templates by version, domain and number."""

    name: str
    templates: OrderedDict[tuple[int, int, int], Template] = field(default_factory=OrderedDict)
    options: OrderedDict[_Domain, Options] = field(default_factory=OrderedDict)
    next: OrderedDict[_Domain, int | None] = field(default_factory=OrderedDict)

    @property
    def fields(self) -> int:
        """The fields of its templates."""
        return sum(len(one.fields) for one in self.templates.values())


class Exporters:
    """The exporters that one stage hears from; for one thread."""

    def __init__(self, stage: str, measures: Measures) -> None:
        self._stage = stage
        self._measures = measures
        self._named: set[str] = set()
        self._fields = 0
        self.known: OrderedDict[bytes, Exporter] = OrderedDict()
        self.changed = False
        """Templates or options have changed since this was last set to false."""

    def payloads(self, datagram: bytes, sender: bytes, received: int) -> list[bytes]:
        """A payload for each flow of a datagram, and one that is Damaged for what has none."""
        try:
            packet = packets.parse(datagram)
        except MalformedError as error:
            return [Damaged.because(datagram, str(error), last=False)]
        exporter = self._exporter(sender)
        numbers = packet.exported, packet.uptime, packet.sequence, packet.domain
        head = Head(sender, received, *numbers)
        found: list[bytes] = []
        records = (
            self._v5(packet, head, found)
            if packet.version == 5
            else self._sets(exporter, packet, head, found)
        )
        if packet.wrong:
            records = None
            found.append(Damaged.because(datagram, packet.wrong, last=False))
        self._follow(exporter, packet, records)
        return found

    def adopt(self, sender: bytes, exporter: Exporter) -> None:
        """Know an exporter from before."""
        self.known[sender] = exporter
        self._fields += exporter.fields
        self._limit()

    def _exporter(self, sender: bytes) -> Exporter:
        found = self.known.get(sender)
        if found is None:
            found = self.known[sender] = Exporter(address_text(sender))
            self._limit()
        self.known.move_to_end(sender)
        return found

    def _limit(self) -> None:
        while len(self.known) > MOST_EXPORTERS or (
            self._fields > MOST_FIELDS and len(self.known) > 1
        ):
            _, gone = self.known.popitem(last=False)
            self._fields -= gone.fields
            limits.reached(
                f'stage "{self._stage}": {MOST_EXPORTERS} exporters, {MOST_FIELDS} fields of '
                "templates",
                "the templates of those that were silent longest are forgotten",
            )

    def _v5(self, packet: Packet, head: Head, found: list[bytes]) -> int | None:
        body = packet.body
        count = min(packet.records, len(body) // V5_RECORD)
        prefix = _V5_KEY + head.pack(packet.interval)
        ends = range(0, count * V5_RECORD, V5_RECORD)
        found += [prefix + body[at : at + V5_RECORD] for at in ends]
        return count

    def _sets(
        self, exporter: Exporter, packet: Packet, head: Head, found: list[bytes]
    ) -> int | None:
        """Read the sets; how many records they have, None where that is not known."""
        counted: list[int | None] = []
        for one in packets.sets(packet):
            if one.wrong:
                found.append(Damaged.because(one.body, one.wrong, last=False))
                return None
            kinds = {2: False, 3: True} if packet.version == 10 else {0: False, 1: True}
            if one.number in kinds:
                self._learn(exporter, packet, one, found, options=kinds[one.number])
            elif one.number > 255:
                counted.append(self._records(exporter, packet, one, head, found))
        known = [number for number in counted if number is not None]
        return sum(known) if len(known) == len(counted) else None

    def _learn(
        self, exporter: Exporter, packet: Packet, one: Set, found: list[bytes], *, options: bool
    ) -> None:
        read = template.options_templates if options else template.templates
        known, wrong = read(packet.version, one.body)
        for number, made in known:
            self._know(exporter, packet, number, made)
        if wrong:
            found.append(Damaged.because(one.body, wrong, last=False))

    def _know(self, exporter: Exporter, packet: Packet, number: int, made: Template | None) -> None:
        held = exporter.templates
        key = packet.version, packet.domain, number
        before = held.pop(key, None)
        if made:
            held[key] = made
        elif number in {2, 3}:  # all of them are withdrawn
            for gone in [k for k in held if k[:2] == key[:2]]:
                self._fields -= len(held.pop(gone).fields)
        if made == before:
            return
        self.changed = True
        self._fields += len(made.fields) if made else 0
        self._fields -= len(before.fields) if before else 0
        if len(held) > MOST_TEMPLATES:
            _, last = held.popitem(last=False)
            self._fields -= len(last.fields)
            limits.reached(
                f'stage "{self._stage}": {MOST_TEMPLATES} templates of {exporter.name}',
                "those that were used least lately are forgotten",
            )
        self._limit()

    def _records(
        self, exporter: Exporter, packet: Packet, one: Set, head: Head, found: list[bytes]
    ) -> int | None:
        """The records of a data set; how many, None where that is not known."""
        domain = packet.version, packet.domain
        made = exporter.templates.get((*domain, one.number))
        if made is None:
            self._measures.add("ipfix_template_unknown", 1, self._stage, self._label(exporter))
            found.append(Damaged.because(one.body, UNKNOWN, last=False))
            return None
        exporter.templates.move_to_end((*domain, one.number))
        cut = list(_cut(made, one.body))
        if made.scopes:
            for record in cut:
                self._hear(exporter, domain, told.read(made, record))
            return len(cut)
        said = exporter.options.get(domain, Options())
        if packet.version == 10 and said.began is not None:
            head = head._replace(uptime=packet.exported * 1000 - said.began)
        prefix = made.key + head.pack(said.rate or 0)
        found += [prefix + record for record in cut]
        if not cut:
            reason = "a set has no whole record"
            found.append(Damaged.because(one.body, reason, last=False))
        return len(cut)

    def _hear(self, exporter: Exporter, domain: _Domain, said: Options) -> None:
        before = exporter.options.get(domain, Options())
        now = Options(*(old if new is None else new for old, new in zip(before, said, strict=True)))
        if now != before:
            _bounded(exporter.options, domain, now)
            self.changed = True

    def _follow(self, exporter: Exporter, packet: Packet, records: int | None) -> None:
        """Compare the sequence with what was to come: records; packets in v9."""
        domain = packet.version, packet.domain
        expected = exporter.next.get(domain)
        if expected is not None:
            lost = (packet.sequence - expected) & 0xFFFFFFFF
            if 0 < lost < _RESTART:
                unit = "packets" if packet.version == 9 else "flows"
                self._measures.add("ipfix_lost", lost, self._stage, self._label(exporter), unit)
            elif lost > 0xFFFFFFFF - _RESTART:
                return  # it is late: it was counted as lost before
        step = 1 if packet.version == 9 else records
        coming = None if step is None else (packet.sequence + step) & 0xFFFFFFFF
        _bounded(exporter.next, domain, coming)

    def _label(self, exporter: Exporter) -> str:
        """The name of an exporter in self-metrics, which are bounded too."""
        if exporter.name not in self._named:
            if len(self._named) >= MOST_EXPORTERS:
                return _OTHERS
            self._named.add(exporter.name)
        return exporter.name


def _cut(made: Template, body: bytes) -> Iterator[bytes]:
    """The whole records of a set; what is behind them is padding."""
    if made.fixed:
        size = made.size
        yield from (body[at : at + size] for at in range(0, len(body) - size + 1, size))
        return
    at = 0
    while len(body) - at >= made.size:
        length = template.lengths(made, body, at)
        if length is None:
            return
        yield body[at : at + length]
        at += length


def _bounded(held: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    """Keep a value; of many, the latest."""
    held[key] = value
    held.move_to_end(key)
    if len(held) > MOST_TEMPLATES:
        held.popitem(last=False)
