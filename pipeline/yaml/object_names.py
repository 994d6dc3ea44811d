"""The names of objects that an API server of Kubernetes takes.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST = 253
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def is_name(text: object) -> bool:
    """Whether it is a subdomain of RFC 1123, as most objects are called.

    >>> is_name("web.v2"), is_name("../web"), is_name("a" * 254), is_name(7)
    (True, False, False, False)
    """
    return isinstance(text, str) and len(text) <= _LONGEST and bool(_NAME.fullmatch(text))


def is_namespace(text: object) -> bool:
    """Whether it is a label of RFC 1123, as namespaces are called.

    >>> is_namespace("shop"), is_namespace("shop.web"), is_namespace("a" * 64), is_namespace("")
    (True, False, False, False)
    """
    return isinstance(text, str) and bool(_NAMESPACE.fullmatch(text))
