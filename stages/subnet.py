"""The network an address is in, for a fixed mask (docs/reference/transforms.md#add_subnet)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import polars as pl

from pipeline.diagnostics import Problem
from pipeline.flows import cidr, values
from pipeline.flows.lookup_cache import LookupCache
from pipeline.stage import BuildContext, Example, Fields, Step, Transform

_MASK = re.compile(r"/([0-9]{1,3})")


class Subnet(Transform, frozen=True, kw_only=True, tag="subnet"):
    """Write the network of the address in `input`, such as 10.1.2.0/24, into `output`.

    Where the address and the `mask` (`/24`) do not form a network, nothing is written.
    """

    example: ClassVar[Example] = Example(
        config="""
            - {name: net, type: subnet, follows: flows, input: SrcAddr, output: SrcNet, mask: /24}
        """,
        flows="""
            {"SrcAddr": "10.1.2.3"}
            {"SrcAddr": "unknown"}
        """,
        output="""
            {"SrcAddr": "10.1.2.3", "SrcNet": "10.1.2.0/24"}
            {"SrcAddr": "unknown"}
        """,
    )

    input: str
    output: str
    mask: str

    def reads(self) -> Fields:
        return frozenset({self.input})

    def check(self, folder: Path) -> Iterator[Problem]:
        for field in ("input", "output"):
            if not getattr(self, field):
                yield Problem((field,), f"`{field}` is empty")
        found = _MASK.fullmatch(self.mask)
        if found is None or int(found[1]) > 128:
            yield Problem(("mask",), f'"{self.mask}" is not a prefix length', "write it as /24")

    def build(self, context: BuildContext) -> Step:
        memo = LookupCache(self._networks)

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            if not values.known(flows.schema, self.input):
                return flows
            texts = values.column(flows, values.string(flows.schema, self.input))
            return values.put(flows, self.output, memo.get(texts).to_series())

        return step

    def _networks(self, texts: pl.Series) -> pl.DataFrame:
        found = [cidr.network(text + self.mask) for text in texts]
        column = pl.Series("network", [str(net) if net else None for net in found], dtype=pl.String)
        return column.to_frame()
