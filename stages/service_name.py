"""Names of services by port and protocol (docs/reference/transforms.md#add_service)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import polars as pl

from pipeline.diagnostics import Problem
from pipeline.files import bounded, content
from pipeline.flows import gotext, values
from pipeline.flows.lookup_cache import LookupCache
from pipeline.stage import BuildContext, Example, Fields, Step, Transform

_SEPARATOR = "\x1e"


class ServiceName(Transform, frozen=True, kw_only=True, tag="service_name"):
    """Write the name of the service on port `input` and protocol (number, name or alias).

    A protocol that `protocols_file` does not list takes the last service listed for the port.
    Nothing found: `output` is left as it is, or becomes empty where the protocol is a number.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: service
              type: service_name
              follows: flows
              input: DstPort
              output: Service
              protocol: Proto
              services_file: services
              protocols_file: protocols
        """,
        flows="""
            {"DstPort": 443, "Proto": 6}
            {"DstPort": 53, "Proto": "UDP"}
            {"DstPort": 9, "Proto": 17}
        """,
        output="""
            {"DstPort": 443, "Proto": 6, "Service": "https"}
            {"DstPort": 53, "Proto": "UDP", "Service": "domain"}
            {"DstPort": 9, "Proto": 17, "Service": ""}
        """,
        files={"services": "https 443/tcp\ndomain 53/udp", "protocols": "tcp 6 TCP\nudp 17 UDP"},
    )

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
                bounded(path)
            except OSError as error:
                yield Problem((field,), f"{path.name}: cannot be read: {error.strerror}")

    def build(self, context: BuildContext) -> Step:
        book = _Services(context.folder / self.services_file, context.folder / self.protocols_file)

        def named(texts: pl.Series) -> pl.DataFrame:
            found = [book.name(*text.split(_SEPARATOR, 1)) for text in texts]
            return pl.Series("service", found, dtype=pl.String).to_frame()

        memo = LookupCache(named)

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            schema = flows.schema
            if not values.known(schema, self.input):
                return flows
            protocol = values.text(schema, self.protocol).fill_null("")
            pair = pl.concat_str([values.text(schema, self.input), protocol], separator=_SEPARATOR)
            names = memo.get(values.column(flows, pair))
            return values.put(flows, self.output, names.to_series())

        return step


class _Services:
    """The services and protocols files; of two lines for one thing the last counts."""

    def __init__(self, services: Path, protocols: Path) -> None:
        self._numbers: dict[int, str] = {}
        self._names: dict[str, str] = {}
        for name, number, *aliases in _lines(protocols):
            code = gotext.parse_integer(number)
            if code is not None:
                self._numbers[code] = name
                self._names |= dict.fromkeys((name, *aliases), name)
        self._by_protocol: dict[tuple[int, str], str] = {}
        self._last: dict[int, str] = {}
        for name, place, *_ in _lines(services):
            written, _, protocol = place.partition("/")
            port = gotext.parse_integer(written)
            if port is not None and protocol:
                self._by_protocol[port, self._names.get(protocol, protocol)] = name
                self._last[port] = name

    def name(self, port: str, protocol: str) -> str | None:
        """The service, empty when a protocol given by number has none, else None."""
        place, number = gotext.parse_integer(port), gotext.parse_integer(protocol)
        if place is None:
            return None
        known = self._names.get(protocol) if number is None else self._numbers.get(number)
        found = self._last.get(place) if known is None else self._by_protocol.get((place, known))
        return "" if found is None and number is not None else found


def _lines(path: Path) -> Iterator[list[str]]:
    """The words of each line that has at least two, comments left out."""
    for line in content(path).decode(errors="replace").splitlines():
        words = line.partition("#")[0].split()
        if len(words) >= 2:
            yield words
