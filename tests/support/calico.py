"""Calico's StagedKubernetesNetworkPolicy as a definition that refuses any other field.

Its makers' own definition is in no package that can be had, so this one is written from its
description: https://docs.tigera.io/calico/latest/reference/resources/stagedkubernetesnetworkpolicy.
The spec is that of a NetworkPolicy and `stagedAction`.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}


def _object(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TEXTS = _list(_TEXT)
_REQUIREMENT = _object(key=_TEXT, operator=_TEXT, values=_TEXTS) | {"required": ["key", "operator"]}
_SELECTOR = _object(
    matchLabels={"type": "object", "additionalProperties": _TEXT},
    matchExpressions=_list(_REQUIREMENT),
)
_PEER = _object(
    podSelector=_SELECTOR,
    namespaceSelector=_SELECTOR,
    ipBlock=_object(**{"cidr": _TEXT, "except": _TEXTS}) | {"required": ["cidr"]},
)
_NUMBER_OR_NAME = {"x-kubernetes-int-or-string": True}
_PORT = _object(protocol=_TEXT, port=_NUMBER_OR_NAME, endPort={"type": "integer"})
_ACTIONS = {"type": "string", "enum": ["Set", "Delete", "Learn", "Ignore"]}
_SPEC = _object(
    stagedAction=_ACTIONS,
    podSelector=_SELECTOR,
    policyTypes=_list({"type": "string", "enum": ["Ingress", "Egress"]}),
    ingress=_list(_object(**{"from": _list(_PEER), "ports": _list(_PORT)})),
    egress=_list(_object(to=_list(_PEER), ports=_list(_PORT))),
)


def staged() -> dict[str, Any]:
    """The definition."""
    kind = "StagedKubernetesNetworkPolicy"
    plural, group = "stagedkubernetesnetworkpolicies", "projectcalico.org"
    version = {
        "name": "v3",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _object(spec=_SPEC)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }
