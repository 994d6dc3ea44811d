"""Names of services by port and protocol (docs/reference/transforms.md#add_service)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from pipeline.diagnostics import Problem
from pipeline.flows import values
from pipeline.flows.lookup_cache import LookupCache
from pipeline.stage import BuildContext, Fields, Step, Transform

_SEPARATOR = "\x1e"
_INTEGER = re.compile(r"[+-]?\d+")


class ServiceName(Transform, frozen=True, kw_only=True, tag="service_name"):
    """Write the name of the service on port `input` and protocol (number, name or alias).

    A protocol that `protocols_file` does not list takes the last service listed for the port.
    Nothing found: `output` is left as it is, or becomes empty where the protocol is a number.
    """

    input: str
    output: str
    protocol: str
    services_file: str = "/etc/services"
    protocols_file: str = "/etc/protocols"

    def reads(self) -> Fields:
        return frozenset({self.input, self.protocol})

    def check(self, folder: Path) -> Iterator[Problem]:
        for field in ("input", "output", "protocol"):
            if not getattr(self, field):
                yield Problem((field,), f"`{field}` is empty")
        for field in ("services_file", "protocols_file"):
            path = folder / getattr(self, field)
            try:
                path.open("rb").close()
            except OSError as error:
                yield Problem((field,), f"{path.name}: cannot be read: {error.strerror}")

    def build(self, env: BuildContext) -> Step:
        book = _Services(env.folder / self.services_file, env.folder / self.protocols_file)

        def names(texts: pl.Series) -> pl.DataFrame:
            found = [book.name(*text.split(_SEPARATOR, 1)) for text in texts]
            return pl.Series("service", found, dtype=pl.String).to_frame()

        memo = LookupCache(names)

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            schema = flows.schema
            if not values.known(schema, self.input):
                return flows
            protocol = values.text(schema, self.protocol).fill_null("")
            pair = pl.concat_str([values.text(schema, self.input), protocol], separator=_SEPARATOR)
            return values.put(
                flows, self.output, memo.get(flows.select(pair).to_series()).to_series()
            )

        return step


class _Services:
    """The services and protocols files; of two lines for one thing the last counts."""

    def __init__(self, services: Path, protocols: Path) -> None:
        self._numbers: dict[int, str] = {}
        self._names: dict[str, str] = {}
        for name, number, *aliases in _lines(protocols):
            if number.isascii() and number.isdigit():
                self._numbers[int(number)] = name
                self._names |= dict.fromkeys((name, *aliases), name)
        self._by_protocol: dict[tuple[int, str], str] = {}
        self._last: dict[int, str] = {}
        for name, place, *_ in _lines(services):
            port, _, protocol = place.partition("/")
            if port.isascii() and port.isdigit() and protocol:
                self._by_protocol[int(port), self._names.get(protocol, protocol)] = name
                self._last[int(port)] = name

    def name(self, port: str, protocol: str) -> str | None:
        """The service, empty when a protocol given by number has none, else None."""
        if not _INTEGER.fullmatch(port):
            return None
        by_number = _INTEGER.fullmatch(protocol) is not None
        known = self._numbers.get(int(protocol)) if by_number else self._names.get(protocol)
        if known is None:
            found = self._last.get(int(port))
        else:
            found = self._by_protocol.get((int(port), known))
        return "" if found is None and by_number else found


def _lines(path: Path) -> Iterator[list[str]]:
    """The words of each line that has at least two, comments left out."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.partition("#")[0].split()
        if len(words) >= 2:
            yield words
