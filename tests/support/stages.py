"""A source, a transform and an encoder for the tests of plans."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import polars as pl

from pipeline.stage import (
    BuildContext,
    Decode,
    Decoded,
    Fields,
    Source,
    SourceContext,
    Step,
    Transform,
)
from stages.encode_prometheus import EncodePrometheus, Metric

CALLS: list[str] = []


class Memory(Source, frozen=True, kw_only=True, tag="test_memory"):
    """Payloads are JSON objects with number `n`; anything else is rejected."""

    def decode(self, context: BuildContext) -> Decode:
        def decode(payloads: list[bytes]) -> Decoded:
            good = [p for p in payloads if p.startswith(b"{")]
            rejected = [(i, "not an object") for i, p in enumerate(payloads) if p[:1] != b"{"]
            rows = [msgspec.json.decode(p)["n"] for p in good]
            return Decoded(pl.DataFrame({"n": rows}, schema={"n": pl.Int64}), rejected)

        return decode

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        yield from ()

    def replay(self, recording: Path) -> Source:
        return self


class Above(Transform, frozen=True, kw_only=True, tag="test_above"):
    """Keeps n above a limit."""

    limit: int = 0

    def reads(self) -> Fields:
        return frozenset({"n"})

    def build(self, context: BuildContext) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            CALLS.append(self.name)
            return flows.filter(pl.col("n") > self.limit)

        return step


def counter(name: str, follows: str | list[str], **metric: object) -> EncodePrometheus:
    return EncodePrometheus(name=name, follows=follows, metrics=[Metric(name=name, **metric)])  # type: ignore[arg-type] # keyword table of a test


SOURCE = Memory(name="in")
PAYLOADS = [b'{"n":1}', b"bad", b'{"n":5}', b'{"n":9}']
