"""The pair of fields of a stage that looks addresses up."""

from __future__ import annotations

import msgspec


class AddressField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The field that holds an address, and the field that takes what is found for it.

    A stage that finds several values for an address takes `output` as what their fields begin with.
    """

    input: str
    output: str


def both(suffix: str) -> list[AddressField]:
    """The two addresses of a flow: SrcAddr to Src and the suffix, DstAddr to Dst and the suffix."""
    return [AddressField(f"{side}Addr", f"{side}{suffix}") for side in ("Src", "Dst")]
