"""Decoders: payloads in, a frame of flows out."""

from __future__ import annotations

from typing import Literal

from pipeline.stage import BuildContext, Decode

Format = Literal["protobuf", "json", "flowmatrix"]
"""What a payload is: a `pbflow.Record`, a JSON object, or a `flowmatrix.Flow`."""


def by_name(name: Format, context: BuildContext) -> Decode:
    """The decoder of a format."""
    if name == "json":
        from pipeline.decode import json  # noqa: PLC0415 - each takes time, and one is needed

        return json.decoder(context)
    if name == "protobuf":
        from pipeline.decode import protobuf  # noqa: PLC0415 - the same

        return protobuf.decoder(context)
    from pipeline.decode import flow_protobuf  # noqa: PLC0415 - the same

    return flow_protobuf.decoder(context)
