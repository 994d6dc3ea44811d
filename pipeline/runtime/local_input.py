"""The messages of local sources, files and servers, each from where the saved counts end."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import NamedTuple

import msgspec

from pipeline.runtime.recount import Recount
from pipeline.stage import Source, SourceContext
from pipeline.state.checkpoint_file import Progress

_GLANCE, _MOMENT = 0.1, 0.01
"""Seconds between two looks at what servers were sent, unless they say that there is a batch; the
latter while senders wait."""

_log = logging.getLogger(__name__)


class Messages(NamedTuple):
    """Messages of a source. `known`: saved counts include them, but for metrics of a recount."""

    source: Source
    payloads: list[bytes]
    known: bool = False


class LocalInput:
    """Reads sources up to a stop, and knows how much of each was counted.

    `resumed` is told the names of sources of which counts were saved. Reading raises OSError, and
    CheckpointError where what is to be counted once more is not there.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        saved: Mapping[str, Progress],
        recount: Recount,
        resumed: Callable[[str], None],
    ) -> None:
        self._servers = [source for source in sources if source.serves]
        self._others = [source for source in sources if not source.serves]
        self._progress = dict(saved)
        self._recount = recount
        self._resumed = resumed
        self._openings: dict[str, list[bytes]] = {}
        self._cut: dict[str, bool] = {}

    def read(
        self, context: SourceContext, servers: ExitStack, is_awaited: Callable[[], bool]
    ) -> Iterator[Messages]:
        """Finite sources first, then those that live, and servers, which end with `servers`.

        `is_awaited`: whether senders wait for what they sent to be durable.
        """
        for source in sorted(self._others, key=lambda source: source.live):
            if context.stopping.is_set():
                return
            yield from self._one(source, context)
        yield from self._served(context, servers, is_awaited)

    def counted(self, source: Source, messages: int, *, cut: bool) -> None:
        """So many more messages of a source are counted; `cut`: the last one cannot be decoded."""
        before = self._progress[source.name]
        self._progress[source.name] = msgspec.structs.replace(
            before, messages=before.messages + messages
        )
        self._cut[source.name] = cut and not source.serves

    def progress(self) -> dict[str, Progress]:
        """What was counted of each source, without a last message that cannot be decoded.

        It may be the beginning of a message that was being written: it is read again next time.
        """
        return {
            name: done.without_last(self._openings[name]) if self._cut.get(name) else done
            for name, done in self._progress.items()
        }

    @property
    def is_under_way(self) -> bool:
        """Whether messages of a source that can be read again were counted."""
        names = [source.name for source in self._others]
        return any(self._progress[name].messages for name in names if name in self._progress)

    def _one(self, source: Source, context: SourceContext) -> Iterator[Messages]:
        """The messages of a source; those that are known where they are to be counted once more."""
        chunks = source.chunks(context)
        held = self._open(source, chunks, context)
        progress = self._progress[source.name]
        self._recount.begin(source.name, progress)
        skip = progress.messages
        for payloads in chain(_given_out(held), chunks):
            known, fresh = payloads[:skip], payloads[skip:]
            skip -= len(known)
            if known and self._recount.wants(source.name):
                yield Messages(source, known, known=True)
            if context.stopping.is_set():
                return
            if fresh:
                self._recount.end(source.name, 0)
                yield Messages(source, fresh)
            del payloads, known, fresh  # they are many, and the next ones may be long in coming
        if skip and context.stopping.is_set():
            return
        if skip:
            _log.warning(
                "stage %s: %d messages were counted of this input, and it has %d fewer now: was it "
                "cut? As many new ones at its end would count as known",
                *(source.name, progress.messages, skip),
            )
        self._recount.end(source.name, skip)

    def _open(
        self, source: Source, chunks: Iterator[list[bytes]], context: SourceContext
    ) -> deque[list[bytes]]:
        """Find out how much of an input was counted; the messages that were read for that."""
        saved = self._progress.get(source.name, Progress())
        held = deque[list[bytes]]()
        head: list[bytes] = []
        for payloads in chunks:
            held.append(payloads)
            head += payloads
            if len(head) >= saved.opening:
                break
        goes_on = saved.continues(head) or context.stopping.is_set()  # which ends the input early
        progress = saved if goes_on else Progress.start(head, saved.before + saved.messages)
        if progress.before + progress.messages:
            self._resumed(source.name)
        self._progress[source.name] = progress
        self._openings[source.name] = head[: progress.opening]
        return held

    def _served(
        self, context: SourceContext, servers: ExitStack, is_awaited: Callable[[], bool]
    ) -> Iterator[Messages]:
        """What is sent to the servers, each in turn; what was counted before is not sent again.

        They are open until `servers` is closed, so that they can say what has become of it.
        """
        given: list[tuple[Source, Iterator[list[bytes]]]] = []
        for source in self._servers:
            saved = self._progress.get(source.name, Progress())
            progress = Progress(before=saved.before + saved.messages)
            self._progress[source.name] = progress
            self._recount.pass_by(source.name, progress.before)
            chunks = source.chunks(context)
            if isinstance(chunks, Generator):
                servers.callback(chunks.close)
            given.append((source, chunks))
        while given and not context.stopping.is_set():
            context.arrived.clear()
            found = [Messages(source, next(chunks, [])) for source, chunks in given]
            yield from (one for one in found if one.payloads)
            if not any(one.payloads for one in found):
                context.waiting()
                context.arrived.wait(_MOMENT if is_awaited() else _GLANCE)


def _given_out(held: deque[list[bytes]]) -> Iterator[list[bytes]]:
    """What is held, until it is given out."""
    while held:
        yield held.popleft()
