"""Decoders: payloads in, a frame of flows out."""

from __future__ import annotations

from typing import Literal

from pipeline.decode import json, protobuf
from pipeline.stage import Decode, Env

Format = Literal["protobuf", "json"]
"""What a payload is: a `pbflow.Record` or a JSON object."""


def by_name(name: Format, env: Env) -> Decode:
    """The decoder of a format."""
    return protobuf.decoder(env) if name == "protobuf" else json.decoder(env)
