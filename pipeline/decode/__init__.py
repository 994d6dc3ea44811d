"""Decoders: payloads in, a frame of flows out."""

from __future__ import annotations

from typing import Literal

from pipeline.decode import flow_protobuf, json, protobuf
from pipeline.stage import BuildContext, Decode

Format = Literal["protobuf", "json", "flowmatrix"]
"""What a payload is: a `pbflow.Record`, a JSON object, or a `flowmatrix.Flow`."""

_DECODERS = {
    "protobuf": protobuf.decoder,
    "json": json.decoder,
    "flowmatrix": flow_protobuf.decoder,
}


def by_name(name: Format, context: BuildContext) -> Decode:
    """The decoder of a format."""
    return _DECODERS[name](context)
