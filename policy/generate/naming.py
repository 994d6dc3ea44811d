"""The names of policies: the same for the same workloads, so that policies can be compared."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from policy.parts import Reference

DEFAULT_DENY = "default-deny"
_LONGEST = 253


def names(workloads: Iterable[Reference]) -> dict[Reference, str]:
    """A name for the policy of each workload: its own, or with its kind where that is taken.

    >>> names([Reference("Deployment", "shop", "web"), Reference("Job", "shop", "load")]).values()
    dict_values(['web', 'load'])
    """
    found = {one: one.name for one in workloads}
    for form in (_with_kind, _with_digest):
        taken = Counter((one.namespace, name) for one, name in found.items())
        found = {
            one: form(one) if taken[one.namespace, name] > 1 or name == DEFAULT_DENY else name
            for one, name in found.items()
        }
    return found


def _with_kind(one: Reference) -> str:
    kind = one.kind.lower()
    return f"{one.name[: _LONGEST - 1 - len(kind)]}-{kind}"


def _with_digest(one: Reference) -> str:
    digest = hashlib.sha256(str(one).encode()).hexdigest()[:8]
    return f"{_with_kind(one)[: _LONGEST - 9]}-{digest}"
