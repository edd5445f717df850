"""Label selectors mean what they mean in Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lessor.core.selectors import Operator, Requirement, Selector

WEST = {"region": "us-west-2", "gpu": ""}
NONE: dict[str, str] = {}


@pytest.mark.parametrize(
    ("operator", "key", "values", "labels", "holds"),
    [
        ("In", "region", ("us-east-1", "us-west-2"), WEST, True),
        ("In", "region", ("us-east-1",), WEST, False),
        ("In", "region", ("us-east-1",), NONE, False),
        ("NotIn", "region", ("us-east-1",), WEST, True),
        ("NotIn", "region", ("us-west-2",), WEST, False),
        ("NotIn", "region", ("us-west-2",), NONE, True),
        ("Exists", "gpu", (), WEST, True),
        ("Exists", "gpu", (), NONE, False),
        ("DoesNotExist", "gpu", (), NONE, True),
        ("DoesNotExist", "gpu", (), WEST, False),
    ],
)
def test_an_operator_judges_a_label(
    operator: str, key: str, values: tuple[str, ...], labels: Mapping[str, str], holds: bool
) -> None:
    assert Selector((Requirement(key, Operator(operator), values),)).matches(labels) is holds


def test_all_conditions_must_hold() -> None:
    both = Selector((Requirement("gpu", Operator.EXISTS), Requirement("region", Operator.IN, ("us-east-1",))))
    assert not both.matches(WEST)
    assert both.matches(WEST | {"region": "us-east-1"})


def test_an_empty_selector_matches_everything() -> None:
    assert Selector().matches(NONE)


def test_a_selector_reads_as_kubectl_takes_it() -> None:
    every = Selector(
        (
            Requirement("region", Operator.IN, ("us-west-2",)),
            Requirement("zone", Operator.IN, ("a", "b")),
            Requirement("tier", Operator.NOT_IN, ("old",)),
            Requirement("gpu", Operator.EXISTS),
            Requirement("broken", Operator.DOES_NOT_EXIST),
        )
    )
    assert str(every) == "region=us-west-2,zone in (a,b),tier notin (old),gpu,!broken"
