"""Label selectors, as Kubernetes matches them.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
and `LabelSelectorAsSelector` of k8s.io/apimachinery: all requirements hold; `NotIn` holds for
labels without the key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

Labels = Mapping[str, str]


class Operator(StrEnum):
    """How a requirement compares."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Requirement(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """One of `matchExpressions`; only In and NotIn have values."""

    key: str
    operator: Operator
    values: tuple[str, ...] | None = None

    def holds(self, labels: Labels) -> bool:
        """Whether labels fulfil it."""
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in (self.values or ())
            case Operator.NOT_IN:
                return labels.get(self.key) not in (self.values or ())
            case Operator.EXISTS:
                return self.key in labels
        return self.key not in labels


class LabelSelector(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A selector as the API has it; an empty one matches everything."""

    match_labels: dict[str, str] | None = None
    match_expressions: tuple[Requirement, ...] | None = None

    def requirements(self) -> tuple[Requirement, ...]:
        """All requirements in order of their keys: the same for selectors that mean the same."""
        given = (self.match_labels or {}).items()
        labels = [Requirement(key, Operator.IN, (value,)) for key, value in given]
        sorted_values = (
            Requirement(one.key, one.operator, tuple(sorted(set(one.values or ()))))
            for one in self.match_expressions or ()
        )
        return tuple(sorted({*labels, *sorted_values}))

    def matches(self, labels: Labels) -> bool:
        """Whether labels fulfil all requirements."""
        return all(one.holds(labels) for one in self.requirements())


class LabelIndex:
    """Finds the numbers of many label sets that a selector matches, without looking at each."""

    def __init__(self, sets: Iterable[Labels]) -> None:
        self._having: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        self._all: set[int] = set()
        for number, labels in enumerate(sets):
            self._all.add(number)
            for key, value in labels.items():
                self._having[key][value].add(number)

    def matching(self, selector: LabelSelector) -> set[int]:
        """The numbers of the label sets (in the order given) that the selector matches."""
        found = set(self._all)
        for one in selector.requirements():
            found &= self._fulfilling(one)
        return found

    def _fulfilling(self, one: Requirement) -> set[int]:
        values: Mapping[str, set[int]] = self._having.get(one.key, {})
        match one.operator:
            case Operator.IN:
                return _union(values.get(value, set()) for value in one.values or ())
            case Operator.NOT_IN:
                return self._all - _union(values.get(value, set()) for value in one.values or ())
            case Operator.EXISTS:
                return _union(values.values())
        return self._all - _union(values.values())


def _union(sets: Iterable[set[int]]) -> set[int]:
    return set[int]().union(*sets)
