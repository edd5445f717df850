"""What the pydantic models make of an object: the same judgement as the API server's, without a server."""

import pytest
import yaml
from pydantic import ValidationError

from lessor.api.generate import generated
from lessor.api.models import MODELS
from lessor.api.models.common import Kubernetes
from lessor.api.rules import VALIDATIONS
from tests.api import refused_leases, refused_others, refused_pools
from tests.api.accepted import ACCEPTED
from tests.api.judgements import Accepted, Refused
from tests.api.objects import Json, lease, pool
from tests.api.transitions import SENTENCES

REFUSED = (*refused_leases.REFUSED, *refused_pools.REFUSED, *refused_others.REFUSED)
MODEL: dict[str, type[Kubernetes]] = {model.__name__: model for model in MODELS}


def read(object: Json) -> Kubernetes:
    return MODEL[object["kind"]].model_validate(object)


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_the_models_refuse_what_the_server_refuses(case: Refused) -> None:
    with pytest.raises(ValidationError) as refusal:
        read(case.object)
    if not case.schema:
        assert case.says in str(refusal.value)


@pytest.mark.parametrize("case", ACCEPTED, ids=str)
def test_an_accepted_object_comes_back_as_it_was(case: Accepted) -> None:
    written = read(case.object).model_dump(exclude_unset=True)
    assert written == case.object


def test_a_refusal_names_the_field_as_the_user_wrote_it() -> None:
    with pytest.raises(ValidationError) as refusal:
        read(lease(maxDuration="1d"))
    assert [error["loc"] for error in refusal.value.errors()] == [("spec", "maxDuration")]


def test_defaults_are_those_of_the_design() -> None:
    spec = read(lease()).model_dump(exclude_none=True)["spec"]
    assert spec == {
        "requests": [{"name": "main", "pool": "a-pool", "count": 1, "from": "free", "as": "leased"}],
        "priority": 0,
        "ttlAfterFinished": "1h",
        "adopt": False,
    }
    spec = read(pool(janitor={}, queue={"fairShare": {}}, needs=[{"pool": "b"}])).model_dump(exclude_none=True)["spec"]
    assert spec == {
        "resources": {"count": 3},
        "lease": {"renewWithin": "30m"},
        "queue": {"reserveAfter": "10m", "fairShare": {"by": "Namespace"}},
        "mode": "Active",
        "needs": [{"pool": "b", "count": 1}],
        "janitor": {"provider": "none", "timeout": "2h", "maxAttempts": 5},
    }


def test_a_pool_without_a_janitor_says_nothing_of_one() -> None:
    assert "janitor" not in read(pool()).model_dump(exclude_none=True)["spec"]


def test_an_unset_term_of_a_lease_stays_unset_so_that_the_pools_counts() -> None:
    spec = read(lease()).model_dump(exclude_none=True)["spec"]
    assert not {"renewWithin", "maxDuration", "waitTimeout", "releaseState", "renewSlack"} & set(spec)


def _sentences(node: object) -> set[str]:
    if isinstance(node, list):
        return {sentence for inner in node for sentence in _sentences(inner)}
    if not isinstance(node, dict):
        return set()
    own = {rule["message"] for rule in node.get(VALIDATIONS, ())}
    return own.union(*(_sentences(inner) for inner in node.values()))


def test_each_rule_of_the_crds_has_a_case_that_breaks_it() -> None:
    asserted = {case.says for case in REFUSED} | set(SENTENCES)
    for path, text in generated().items():
        if path.startswith("crds/"):
            for sentence in _sentences(yaml.safe_load(text)):
                assert any(says in sentence for says in asserted), f"{path}: nothing breaks: {sentence}"
