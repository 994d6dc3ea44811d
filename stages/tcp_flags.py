"""TCP flags from a bit field to a list of names (docs/reference/transforms.md#decode_tcp_flags)."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from pipeline.flows import values
from pipeline.flows.tcp import FLAGS
from pipeline.stage import BuildContext, Example, Fields, Step, Transform

_KNOWN = sum(FLAGS)


class TcpFlags(Transform, frozen=True, kw_only=True, tag="tcp_flags"):
    """Decode the bits of `input` into a list of flag names in `output`, lowest bit first.

    A field that is not a number (already a list, say) is left alone. No known bit set: an explicit
    null where output is input, otherwise output is untouched.
    """

    example: ClassVar[Example] = Example(
        config="- {name: flags, type: tcp_flags, follows: flows}",
        flows="""
            {"DstPort": 443, "Flags": 18}
            {"DstPort": 53, "Flags": 0}
        """,
        output="""
            {"DstPort": 443, "Flags": ["SYN", "ACK"]}
            {"DstPort": 53, "Flags": null}
        """,
    )

    input: str = "Flags"
    output: str = "Flags"

    def reads(self) -> Fields:
        return frozenset({self.input})

    def build(self, context: BuildContext) -> Step:
        table = pl.Series(
            [[name for bit, name in FLAGS.items() if bits & bit] for bits in range(_KNOWN + 1)]
        )

        def step(flows: pl.DataFrame) -> pl.DataFrame:
            dtype = flows.schema.get(self.input)
            if dtype is None or not dtype.is_numeric():
                return flows
            bits = flows[self.input].cast(pl.Int64) & _KNOWN
            named = table.gather(bits).set(bits == 0, None)
            if self.output != self.input:
                return values.put(flows, self.output, named)
            decoded = flows.with_columns(named.alias(self.output))
            return values.put_null(decoded, self.output, pl.lit(bits == 0))

        return step
