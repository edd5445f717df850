"""Label selectors, with the meaning that Kubernetes gives them (metav1.LabelSelector)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case Operator.IN:
                return labels.get(self.key) in self.values
            case Operator.NOT_IN:  # one without the label too, as in Kubernetes
                return labels.get(self.key) not in self.values
            case Operator.EXISTS:
                return self.key in labels
            case Operator.DOES_NOT_EXIST:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class Selector:
    """All conditions must hold; matchLabels are `In` with one value. An empty one matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.holds(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        """As kubectl's --selector takes it."""
        return ",".join(_words(requirement) for requirement in self.requirements) or "everything"


def _words(r: Requirement) -> str:
    match r.operator:
        case Operator.IN if len(r.values) == 1:
            return f"{r.key}={r.values[0]}"
        case Operator.IN:
            return f"{r.key} in ({','.join(r.values)})"
        case Operator.NOT_IN:
            return f"{r.key} notin ({','.join(r.values)})"
        case Operator.EXISTS:
            return r.key
        case Operator.DOES_NOT_EXIST:
            return f"!{r.key}"
