"""A collector: datagrams in, runs of payloads out; what is lost is counted and told."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.netflow import saved
from pipeline.netflow.exporters import Exporters
from pipeline.netflow.receiver import Losses, Receiver
from pipeline.stage import SourceContext

_TICK = 1.0
_SILENCE = 60.0  # seconds between two lines of the log about losses
_AT_ONCE = 512
_log = logging.getLogger(__name__)


class Terms(NamedTuple):
    """Where to listen, with how many sockets and bytes, and how payloads go on."""

    addresses: tuple[tuple[str, int], ...]
    sockets: int
    buffer: int
    queue: int
    batch: int
    linger: float


class Collector:
    """One run of a stage; `chunks` is what `Source.chunks` gives."""

    def __init__(self, stage: str, terms: Terms, context: SourceContext) -> None:
        self._stage = stage
        self._terms = terms
        self._context = context
        self._exporters = Exporters(stage, context.measures)
        self._file = saved.path(context.state, stage) if context.state else None
        self._told = Losses(0, 0)
        self._untold = 0
        self._said = -_SILENCE

    def chunks(self) -> Iterator[list[bytes]]:
        """The payloads that have come, or none yet. Raises OSError when it cannot listen."""
        terms = self._terms
        if self._file:
            saved.load(self._file, self._exporters)
        receiver = Receiver(
            terms.addresses, terms.sockets, terms.buffer, terms.queue, self._context.arrived
        )
        with receiver:
            self._opened(receiver)
            try:
                yield from self._run(receiver)
            finally:
                self._end(receiver)

    def _run(self, receiver: Receiver) -> Iterator[list[bytes]]:
        held: list[bytes] = []
        since = ticked = time.monotonic()
        while not self._context.stopping.is_set():
            now = time.monotonic()
            if now - ticked >= _TICK:
                ticked = now
                self._tick(receiver, now)
            if not held:
                since = now
            while len(held) < self._terms.batch and (came := receiver.take(_AT_ONCE)):
                for one in came:
                    held += self._exporters.payloads(one.data, one.sender, one.received)
            full = len(held) >= self._terms.batch
            if full or (held and now - since >= self._terms.linger):
                batch, held = held, []
                yield batch
            else:
                yield []

    def _opened(self, receiver: Receiver) -> None:
        where = ", ".join(f"{host}:{port}" for host, port in receiver.addresses)
        _log.info('stage "%s" listens on %s (UDP)', self._stage, where)
        if receiver.buffer < self._terms.buffer:
            _log.warning(
                'stage "%s": the system gives a socket %d bytes, not %d: raise net.core.rmem_max',
                *(self._stage, receiver.buffer, self._terms.buffer),
            )
        self._measure(receiver)

    def _tick(self, receiver: Receiver, now: float) -> None:
        self._measure(receiver)
        if self._untold and now - self._said >= _SILENCE:
            self._say(now)
        if self._file and self._exporters.changed:
            self._exporters.changed = False
            saved.save(self._file, self._exporters)

    def _measure(self, receiver: Receiver) -> None:
        measures, losses = self._context.measures, receiver.losses
        for name, lost, before in zip(Losses._fields, losses, self._told, strict=True):
            measures.add("ipfix_datagrams_lost", lost - before, self._stage, name)
        self._untold += sum(losses) - sum(self._told)
        self._told = losses
        waiting, _ = receiver.waiting
        known = self._exporters.known.values()
        measures.set("ipfix_queue_datagrams", waiting, self._stage)
        measures.set("ipfix_exporters", len(known), self._stage)
        measures.set("ipfix_templates", sum(len(one.templates) for one in known), self._stage)

    def _say(self, now: float) -> None:
        _log.error(
            'stage "%s": %d datagrams are lost (by the kernel or a full queue): flows come faster '
            "than they are counted",
            *(self._stage, self._untold),
        )
        self._untold, self._said = 0, now

    def _end(self, receiver: Receiver) -> None:
        self._measure(receiver)
        if self._untold:
            self._say(time.monotonic())
        waiting, _ = receiver.waiting
        if waiting:
            _log.warning('stage "%s": %d datagrams were not counted', self._stage, waiting)
        if self._file and self._exporters.changed:
            saved.save(self._file, self._exporters)
