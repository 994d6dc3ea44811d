"""Flags of TCP from the bits of headers to what an agent would tell.

An exporter joins the bits of all packets of a flow; the agent tells a SYN of a client from the
SYN_ACK of a server (docs/reference/flowmetric.md#tcp-flags). A flow with SYN alone is a client's.
With SYN and ACK it may be either end's, and ports decide; without them the SYN says nothing.
"""

from __future__ import annotations

import numpy as np

from pipeline.flows import service_ports
from pipeline.flows.tcp import BITS
from pipeline.netflow.cells import Booleans, Numbers

EVIDENCE = "FlagsEvidence"
"""The field that says `uncertain` where flags do not say who has opened the connection."""
_SYN, _ACK, _SYN_ACK = (np.uint64(BITS[name]) for name in ("SYN", "ACK", "SYN_ACK"))
_KNOWN = np.asarray(service_ports.known(), dtype=np.bool_)


def normalised(flags: Numbers, source: Numbers, destination: Numbers) -> tuple[Numbers, Booleans]:
    """The flags as an agent tells them, and where they are uncertain, by ports of both ends."""
    both = (flags & _SYN != 0) & (flags & _ACK != 0) & (flags & _SYN_ACK == 0)
    last = np.uint64(service_ports.PORTS - 1)
    service, service_too = (_KNOWN[np.minimum(end, last)] for end in (source, destination))
    low, low_too = (end < service_ports.EPHEMERAL for end in (source, destination))
    from_server = np.where(service != service_too, service, low & ~low_too)
    from_client = np.where(service != service_too, service_too, low_too & ~low)
    told = np.where(both & ~from_client, flags & ~_SYN, flags)
    return np.where(both & from_server, told | _SYN_ACK, told), both
