"""The metrics a plan makes, each with a digest of everything that decides its values."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from pipeline.plan.plan import Node
from pipeline.stage import Encoder, Family, Policy, Source, Spec, Transform


@runtime_checkable
class Definitions(Protocol):
    """An encoder that says for each family what decides its values.

    Where an encoder does not say so, all its settings do.
    """

    def definitions(self) -> Sequence[object]:
        """For each family its definition as plain data; when it changes, the family restarts."""


def digests_of(nodes: list[Node]) -> dict[str, bytes]:
    """For each stage a digest of what decides what comes out of it: itself, and those before it.

    Of a source and of a transform that only annotates only the type counts.
    """
    digests: dict[str, bytes] = {}
    for node in nodes:
        spec = node.spec
        annotates = isinstance(spec, Source) or (isinstance(spec, Transform) and spec.annotates)
        own: object = spec.type if annotates else bare(spec)
        digests[node.name] = _digest(own, _before(node, digests))
    return digests


def families_of(nodes: list[Node], digests: dict[str, bytes]) -> dict[str, tuple[Family, Policy]]:
    """Every family with the digest of what decides its values.

    That is its definition and the stages before it. Equal digests mean that counting may go on, in
    this process or another.
    """
    families: dict[str, tuple[Family, Policy]] = {}
    for node in nodes:
        spec = node.spec
        if isinstance(spec, Encoder):
            found = spec.families()
            own: object = bare(spec)
            defined = spec.definitions() if isinstance(spec, Definitions) else [own] * len(found)
            for family, definition in zip(found, defined, strict=True):
                chain = _digest(definition, _before(node, digests)).hex()
                chained = msgspec.structs.replace(family, chain=chain)
                families[family.name] = chained, spec.policy()
    return families


def _before(node: Node, digests: dict[str, bytes]) -> bytes:
    return b"".join(sorted(digests[parent] for parent in node.parents))


def bare(spec: Spec) -> Spec:
    """A stage's settings without its name and its place in the graph."""
    return msgspec.structs.replace(spec, name="", follows=[])


def _digest(own: object, before: bytes) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(own) + before, digest_size=16).digest()
