"""What `codec` reads: every field that has an effect, every field that has none yet, and what nobody can read."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessor.api import models
from lessor.api.models.lease import Request as Request_
from lessor.api.names import FINALIZER
from lessor.core import actions as a
from lessor.core.model import (
    Access,
    Condition,
    ConditionStatus,
    Entry,
    FairShare,
    Holder,
    HolderKey,
    Item,
    Lease,
    LeaseState,
    Namespace,
    PastHolder,
    Pool,
    Request,
    Resource,
    Terms,
    Tracked,
)
from lessor.kube import codec
from tests.core import build
from tests.core.world import World
from tests.kube import bodies
from tests.kube.bodies import CREATED, HELD, Json

CREATED_S = 1_795_532_400.0
RENEWED: Json = {
    "manager": "job",
    "operation": "Update",
    "time": "2026-11-24T15:01:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:spec": {"f:renewTime": {}}},
}
CONDITION: Json = {
    "type": "Accepted",
    "status": "True",
    "reason": "Accepted",
    "message": "the pools can meet it",
    "lastTransitionTime": CREATED,
}
ACCEPTED = {"Accepted": Condition("Accepted", ConditionStatus.TRUE, "Accepted", "the pools can meet it", CREATED)}


def lease(body: Json) -> Lease:
    found = codec.read(a.LEASE, body)
    assert isinstance(found, Lease)
    return found


def pool(body: Json, known: Pool | None = None) -> Pool:
    found = codec.read(a.POOL, body, known)
    assert isinstance(found, Pool)
    return found


def resource(body: Json) -> Resource:
    found = codec.read(a.RESOURCE, body)
    assert isinstance(found, Resource)
    return found


# -- Lease


def test_a_new_lease_is_read_with_the_defaults_of_the_api() -> None:
    assert lease(bodies.lease()) == Lease("ci", "e2e", "e2e-uid", 7, CREATED_S, (Request("main", "aws"),), generation=3)


def test_every_field_of_a_lease_that_has_an_effect_is_read() -> None:
    body = bodies.lease(
        {
            "state": "Bound",
            "attempt": 3,
            "terms": {
                "renewWithin": "45m",
                "renewSlack": "5s",
                "maxDuration": "6h",
                "releaseState": "r",
                "onLoss": "l",
                "priority": 2,
            },
            "holderUID": "pod-uid",
            "boundTime": "2026-11-24T15:00:01.500000Z",
            "observedGeneration": 2,
            "resources": [{"name": "aws-1", "request": "a", "pool": "aws", "epoch": 5, "attributes": {"k": "v"}}],
            "conditions": [CONDITION],
        },
        requests=[{"name": "a", "pool": "aws", "count": 2, "names": ["x", "y"], "from": "dirty", "as": "cleaning"}],
        priority=5,
        holder={
            "identity": "job 7",
            "pod": {"name": "p"},
            "ref": {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "job-uid"},
        },
        renewTime="1999-12-31T23:59:59Z",
        renewWithin="10m",
        waiterRenewWithin="1m",
        collectWithin="30s",
        renewSlack="5s",
        maxDuration="12h",
        waitTimeout="2h",
        ttlAfterFinished="0s",
        releaseState="dirty",
        release=[{"name": "*"}, {"name": "aws-1", "state": "s"}],
    )
    body["metadata"]["deletionTimestamp"] = CREATED
    body["metadata"]["managedFields"] = [RENEWED]
    assert lease(body) == Lease(
        "ci",
        "e2e",
        "e2e-uid",
        7,
        CREATED_S,
        (Request("a", "aws", 2, frozenset(("x", "y")), "dirty", "cleaning"),),
        priority=5,
        identity="job 7",
        release_state="dirty",
        release={"*": None, "aws-1": "s"},
        state=LeaseState.BOUND,
        attempt=3,
        resources=(Entry("aws-1", "a", "aws", 5, {"k": "v"}),),
        accepted=True,
        terms=Terms(2700.0, 21600.0, "r", "l", 2, 5.0),
        deleting=True,
        generation=3,
        observed_generation=2,
        conditions=ACCEPTED,
        tracked=(
            Tracked(HolderKey("v1", "Pod", "ci", "p")),
            Tracked(HolderKey("batch/v1", "Job", "ci", "j"), "job-uid"),
        ),
        holder_uid="pod-uid",
        renewal="1999-12-31T23:59:59Z",
        renewed_at=CREATED_S + 60,
        renew_within=600.0,
        waiter_renew_within=60.0,
        collect_within=30.0,
        renew_slack=5.0,
        max_duration=43200.0,
        wait_timeout=7200.0,
        ttl=0.0,
        bound_time=CREATED_S + 1.5,
    )


def test_when_a_finished_lease_ended_is_read() -> None:
    ended = {**CONDITION, "type": "Finished"}
    assert lease(bodies.lease({"state": "Expired", "conditions": [ended]})).finished_at == CREATED_S
    assert lease(bodies.lease({"state": "Expired", "conditions": []})).finished_at is None
    assert lease(bodies.lease({"state": "Bound", "conditions": [ended]})).finished_at is None


OTHER: Json = {"manager": "kubectl", "time": "2026-11-24T19:00:00Z", "fieldsV1": {"f:spec": {"f:release": {}}}}


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ([RENEWED, OTHER], CREATED_S + 60),
        ([RENEWED, {**RENEWED, "time": "2026-11-24T15:00:30Z", "manager": "other"}], CREATED_S + 60),
        ([OTHER, {"manager": "x", "time": CREATED, "fieldsV1": {"f:status": {"f:renewTime": {}}}}], None),
        ([{"manager": "x", "fieldsV1": RENEWED["fieldsV1"]}], None),
        ([], None),
    ],
)
def test_the_age_of_a_renewal_is_that_of_its_field_as_the_api_server_has_it(fields: list[Json], at: Any) -> None:
    body = bodies.lease(renewTime=CREATED)
    body["metadata"]["managedFields"] = fields
    assert lease(body).renewed_at == at


@pytest.mark.parametrize("value", ["", "no time", "2026-11-24T15:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_value_of_a_renewal_is_never_read(value: str) -> None:
    assert lease(bodies.lease(renewTime=value)).renewal == value


@pytest.mark.parametrize("status", ["Unknown", "False"])
def test_only_accepted_true_is_accepted(status: str) -> None:
    assert not lease(bodies.lease({"conditions": [{**CONDITION, "status": status}]})).accepted


LEASE_SETTINGS: dict[str, Any] = {
    "adopt": True,
    "outcome": {"result": "Succeeded"},
}


@pytest.mark.parametrize("path", LEASE_SETTINGS)
def test_a_field_of_a_lease_without_an_effect_yet_is_named(path: str) -> None:
    assert lease(bodies.lease(None, **{path: LEASE_SETTINGS[path]})).unsupported == (f"spec.{path}",)


def test_a_field_of_a_request_without_an_effect_yet_is_named() -> None:
    body = bodies.lease(requests=[{"name": "main", "pool": "aws"}, {"name": "other", "clusterProfile": "hypershift"}])
    assert lease(body).unsupported == ("spec.requests[other].clusterProfile",)


def test_every_field_without_an_effect_is_named_at_once() -> None:
    body = bodies.lease(maxDuration="1h", adopt=True, outcome={"result": "Empty"}, holder={"identity": "x"})
    assert lease(body).unsupported == ("spec.adopt", "spec.outcome")


def test_a_default_that_is_spelt_out_is_no_field_without_an_effect() -> None:
    assert lease(bodies.lease(ttlAfterFinished="60m", adopt=False)).unsupported == ()


def test_an_accepted_lease_is_not_judged_again_by_what_its_holder_adds() -> None:
    body = bodies.lease({"conditions": [CONDITION]}, outcome={"result": "Succeeded"})
    assert lease(body).unsupported == ()


READ_IN_A_LEASE = {
    "requests",
    "priority",
    "holder",
    "renewTime",
    "renewWithin",
    "waiterRenewWithin",
    "collectWithin",
    "renewSlack",
    "maxDuration",
    "waitTimeout",
    "ttlAfterFinished",
    "releaseState",
    "release",
}
READ_IN_A_REQUEST = {"name", "pool", "count", "names", "selector", "firstOf", "from", "as"}


def fields(model: Any) -> set[str]:
    """The names in JSON of a model's fields."""
    return {field.alias for field in model.model_fields.values()}


def test_no_field_of_a_lease_is_passed_over_in_silence() -> None:
    """A field added to the API has an effect or is answered with NotSupportedYet."""
    spec: Any = models.Lease.model_fields["spec"].annotation
    assert fields(spec) == READ_IN_A_LEASE | set(LEASE_SETTINGS)
    assert fields(Request_) - READ_IN_A_REQUEST == {"clusterProfile"}


def test_a_selector_is_read_with_labels_and_expressions() -> None:
    expressions = [{"key": "zone", "operator": "NotIn", "values": ["a", "b"]}, {"key": "old", "operator": "Exists"}]
    asked = {"name": "m", "pool": "aws", "selector": {"matchLabels": {"x": "1"}, "matchExpressions": expressions}}
    (request,) = lease(bodies.lease(requests=[asked])).requests
    assert str(request.selector) == "x=1,zone notin (a,b),old"


def test_an_alternative_has_its_requests_name_states_and_count_unless_it_says_its_own() -> None:
    ways = [{"pool": "a"}, {"pool": "b", "count": 1, "names": ["b-1"], "selector": {"matchLabels": {"x": "1"}}}]
    asked = {"name": "any", "count": 2, "firstOf": ways, "from": "dirty", "as": "cleaning"}
    (request,) = lease(bodies.lease(requests=[asked])).requests
    first, second = request.ways
    got = (first.name, first.pool, first.count, first.from_state, first.as_state)
    assert got == ("any", "a", 2, "dirty", "cleaning")
    assert (second.pool, second.count, second.names, str(second.selector)) == ("b", 1, {"b-1"}, "x=1")


def test_a_lease_asks_of_the_pools_of_all_its_alternatives() -> None:
    asked = [{"name": "one", "pool": "c"}, {"name": "any", "firstOf": [{"pool": "a"}, {"pool": "c"}, {"pool": "b"}]}]
    assert lease(bodies.lease(requests=asked)).pools == ("c", "a", "b")


def test_the_labels_of_a_lease_are_read() -> None:
    body = bodies.lease()
    body["metadata"]["labels"] = {"team": "x"}
    assert lease(body).labels == {"team": "x"}


# -- Resource


def test_a_new_resource_has_no_state() -> None:
    assert resource(bodies.resource()) == Resource(
        "aws-1", "aws-1-uid", 7, CREATED_S, "aws", other_finalizers=("x.io/y",)
    )


def test_every_field_of_a_resource_that_has_an_effect_is_read() -> None:
    past = {"namespace": "ci", "name": "n", "uid": "u", "ended": "Lost", "at": CREATED, "identity": "i", "epoch": 3}
    ready = {**CONDITION, "type": "Ready"}
    body = bodies.resource(
        {**HELD, "holdUntil": "2026-11-24T16:00:00+01:00", "lastHolders": [past], "conditions": [ready]},
        attributes={"region": "x"},
        credentialsSecret="s",
        cordoned={"reason": "broken"},
    )
    body["metadata"] |= {"labels": {"zone": "a"}, "deletionTimestamp": CREATED, "finalizers": ["x.io/y"]}
    assert resource(body) == Resource(
        "aws-1",
        "aws-1-uid",
        7,
        CREATED_S,
        "aws",
        state="leased",
        holder=Holder("ci", "e2e", "e2e-uid", 2, "free", "dirty", "job 7", 2700.0),
        epoch=8,
        since=CREATED_S + 1.25,
        hold_until=CREATED_S,
        cordoned=True,
        protected=False,
        other_finalizers=("x.io/y",),
        deleting=True,
        labels={"zone": "a"},
        attributes={"region": "x"},
        credentials_secret="s",
        last_holders=(PastHolder("ci", "n", "u", "Lost", CREATED),),
        conditions={"Ready": Condition("Ready", ConditionStatus.TRUE, "Accepted", "the pools can meet it", CREATED)},
    )


def test_a_holder_with_the_three_required_fields_is_a_holder() -> None:
    held = {"state": "leased", "epoch": 1, "holder": {"namespace": "ci", "name": "n", "uid": "u"}}
    assert resource(bodies.resource(held)).holder == Holder("ci", "n", "u", 0, "free", "free", "", 1800.0)


# -- Pool


def test_a_pool_is_read_with_the_defaults_of_the_api() -> None:
    assert pool(bodies.pool()) == Pool(
        "aws", "aws-uid", 7, CREATED_S, {"aws-1": Item("aws-1")}, other_finalizers=("x.io/y",), generation=3
    )


def test_every_field_of_a_pool_that_has_an_effect_is_read() -> None:
    body = bodies.pool(
        {
            "nextOrdinal": 4,
            "counts": {"free": 2, "dirty": 0, "busy": 1},
            "total": 3,
            "waiting": 6,
            "observedGeneration": 2,
            "conditions": [CONDITION],
        },
        resources={"count": 2},
        lease={"renewWithin": "30m", "releaseStates": ["free", "*"], "onLoss": "suspect"},
        queue={"reserveAfter": "1m"},
        mode="Hold",
    )
    body["metadata"] |= {"deletionTimestamp": CREATED, "finalizers": []}
    assert pool(body) == Pool(
        "aws",
        "aws-uid",
        7,
        CREATED_S,
        {"aws-0": Item("aws-0"), "aws-1": Item("aws-1")},
        counted=True,
        next_ordinal=4,
        release_states=("free", "*"),
        on_loss="suspect",
        reserve_after=60.0,
        hold=True,
        protected=False,
        deleting=True,
        generation=3,
        observed_generation=2,
        conditions=ACCEPTED,
        said=({"free": 2, "busy": 1}, 3, 6),
    )


def test_without_a_janitor_a_resource_ends_free_and_with_one_dirty() -> None:
    plain, cleaned = pool(bodies.pool()), pool(bodies.pool(janitor={"provider": "aws"}))
    assert (plain.release_states, plain.on_loss, plain.janitor) == (("free",), "free", False)
    assert (cleaned.release_states, cleaned.on_loss, cleaned.janitor) == (("dirty",), "dirty", True)


def test_a_janitor_that_is_none_is_no_janitor() -> None:
    none = pool(bodies.pool(janitor={"provider": "none", "timeout": "2h", "maxAttempts": 5}))
    assert (none.janitor, none.unsupported) == (False, ())


def test_the_template_fills_each_item_and_the_items_own_word_goes_before_it() -> None:
    body = bodies.pool(
        resources={
            "items": [
                {"name": "a"},
                {"name": "b", "labels": {"zone": "own"}, "attributes": {"id": "own"}, "initialState": "own"},
            ]
        },
        template={
            "labels": {"zone": "all", "of": "$(NAME)"},
            "attributes": {"id": "account $(NAME) of $(NAME)"},
            "initialState": "dirty",
        },
    )
    assert pool(body).items == {
        "a": Item("a", {"zone": "all", "of": "a"}, {"id": "account a of a"}, None, "dirty"),
        "b": Item("b", {"zone": "own", "of": "b"}, {"id": "own"}, None, "own"),
    }


def test_items_are_in_the_order_of_the_spec() -> None:
    assert list(pool(bodies.pool(resources={"names": ["z", "a", "m"]})).items) == ["z", "a", "m"]


def test_a_pool_of_count_zero_has_no_items() -> None:
    assert pool(bodies.pool(resources={"count": 0})).items == {}


def test_the_items_of_a_pool_are_not_made_anew_while_its_spec_is_the_same() -> None:
    first = pool(bodies.pool())
    assert pool(bodies.pool({"total": 1}), first).items is first.items


@pytest.mark.parametrize("meta", [{"generation": 4}, {"uid": "made anew"}])
def test_the_items_of_a_pool_are_read_again_when_its_spec_is_another(meta: Json) -> None:
    first = pool(bodies.pool())
    body = bodies.pool(resources={"names": ["aws-9"]})
    body["metadata"] |= meta
    assert list(pool(body, first).items) == ["aws-9"]


def test_who_may_ask_of_a_pool_is_read() -> None:
    assert pool(bodies.pool()).access is None
    assert pool(bodies.pool(access={"namespaces": ["ci", "qa"]})).access == Access(frozenset({"ci", "qa"}))
    wanted = {"matchLabels": {"team": "a"}, "matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]}
    access = pool(bodies.pool(access={"namespaceSelector": wanted})).access
    assert access is not None
    assert str(access.selector) == "team=a,!old"


def test_a_namespace_is_read_with_its_labels_and_whether_it_goes() -> None:
    meta = {"name": "ci", "uid": "u", "resourceVersion": "1"}
    assert codec.namespace({"metadata": meta}) == Namespace("ci", "u")
    body = {"metadata": {**meta, "labels": {"team": "a"}, "deletionTimestamp": "2026-11-24T00:00:00Z"}}
    assert codec.namespace(body) == Namespace("ci", "u", {"team": "a"}, going=True)


POOL_SETTINGS: dict[str, tuple[Json, str]] = {
    "needs": ({"needs": [{"pool": "gcp", "count": 1}]}, "spec.needs"),
    "credentials": ({"credentials": {"rotate": {"spec": {}}}}, "spec.credentials"),
    "dynamic": ({"resources": {"dynamic": {"min": 1, "max": 2}}}, "spec.resources.dynamic"),
    "HoldAndDrain": ({"mode": "HoldAndDrain"}, "spec.mode: HoldAndDrain"),
    "janitor": ({"janitor": {"provider": "external"}}, "spec.janitor"),
    "template": ({"template": {"credentialsSecret": "s"}}, "spec.template.credentialsSecret"),
    "items": (
        {"resources": {"items": [{"name": "x"}, {"name": "y", "credentialsSecret": "s"}]}},
        "spec.resources.items[y].credentialsSecret",
    ),
}


@pytest.mark.parametrize("name", POOL_SETTINGS)
def test_a_field_of_a_pool_without_an_effect_yet_is_named(name: str) -> None:
    spec, field = POOL_SETTINGS[name]
    assert pool(bodies.pool(None, **spec)).unsupported == (field,)


def test_the_rules_of_a_queue_are_read() -> None:
    queue = {"fairShare": {"by": "Label", "labelKey": "team", "weights": {"a": 3}}, "maxPerTenant": 4, "maxPriority": 0}
    got = pool(bodies.pool(queue=queue))
    assert (got.fair_share, got.max_per_tenant, got.max_priority) == (FairShare("team", {"a": 3}), 4, 0)
    assert got.unsupported == ()


def test_fair_shares_are_by_namespace_unless_told_otherwise() -> None:
    assert pool(bodies.pool(queue={"fairShare": {}})).fair_share == FairShare(None, {})
    assert pool(bodies.pool(queue={})).fair_share is None


def test_of_many_fields_without_an_effect_five_are_named() -> None:
    items = [{"name": f"n{i}", "credentialsSecret": "s"} for i in range(9)]
    assert len(pool(bodies.pool(resources={"items": items})).unsupported) == 5


def test_no_field_of_a_pool_is_passed_over_in_silence() -> None:
    spec: Any = models.Pool.model_fields["spec"].annotation

    assert fields(spec) == {
        "resources",
        "template",
        "lease",
        "queue",
        "access",
        "mode",
        "needs",
        "credentials",
        "janitor",
    }
    assert fields(spec.model_fields["lease"].annotation) == {"renewWithin", "maxDuration", "releaseStates", "onLoss"}
    assert fields(spec.model_fields["queue"].annotation) == {"reserveAfter", "fairShare", "maxPerTenant", "maxPriority"}


# -- what nobody can read


def test_what_is_missing_is_named_and_what_to_do_said() -> None:
    body = bodies.resource()
    del body["spec"]["pool"]
    item = unreadable(a.RESOURCE, body)
    assert item.message == "this version of lessor can't read it: there is no 'pool'; correct or remove it"
    assert (item.kind, item.namespace, item.name, item.uid, item.version) == (a.RESOURCE, "", "aws-1", "aws-1-uid", 7)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (a.LEASE, bodies.lease({"state": "Sleeping"})),
        (a.LEASE, bodies.lease(ttlAfterFinished="1d")),
        (a.LEASE, bodies.lease({"terms": {"renewWithin": "woooo"}})),
        (a.LEASE, bodies.lease({"resources": [{"name": "aws-1"}]})),
        (a.LEASE, bodies.lease(requests=None)),
        (a.LEASE, bodies.lease(requests=[{"name": "m", "pool": "a", "selector": "x"}])),
        (a.LEASE, bodies.lease(requests=[{"name": "m", "firstOf": "x"}])),
        (a.LEASE, bodies.lease(requests=[{"name": "m", "firstOf": [{"pool": "a", "count": "2"}]}])),
        (a.LEASE, bodies.lease(requests=[{"name": "m", "pool": "a", "selector": {"matchLabels": {"x": 1}}}])),
        (
            a.LEASE,
            bodies.lease(
                requests=[
                    {
                        "name": "m",
                        "pool": "a",
                        "selector": {"matchExpressions": [{"key": "x", "operator": "Near", "values": ["y"]}]},
                    }
                ]
            ),
        ),
        (a.POOL, bodies.pool(queue={"fairShare": {"by": "Label"}})),
        (a.POOL, bodies.pool(queue={"fairShare": {"weights": {"a": "2"}}})),
        (a.POOL, bodies.pool(queue={"maxPerTenant": "3"})),
        (a.POOL, bodies.pool(queue={"maxPriority": "3"})),
        (a.RESOURCE, bodies.resource({"holder": {"name": "x"}})),
        (a.RESOURCE, bodies.resource({"since": "yesterday"})),
        (a.RESOURCE, bodies.resource({"conditions": [{"type": "Ready", "status": "Maybe"}]})),
        (a.POOL, bodies.pool(resources={"items": [{"labels": {}}]})),
        (a.POOL, bodies.pool(queue={"reserveAfter": "20"})),
        (a.POOL, {**bodies.pool(), "spec": {}}),
    ],
)
def test_what_can_not_be_read_is_said_in_a_sentence(kind: str, body: Json) -> None:
    item = unreadable(kind, body)
    assert item.message.startswith("this version of lessor can't read it: ")
    assert item.message.endswith("; correct or remove it")


def unreadable(kind: str, body: Json) -> Any:
    with pytest.raises(codec.CannotRead) as caught:
        codec.read(kind, body)
    return caught.value.item


WHOLE: dict[str, Json] = {
    a.POOL: bodies.pool(
        {"counts": {"free": 1}, "total": 1, "conditions": [CONDITION], "nextOrdinal": 2},
        resources={"items": [{"name": "x", "labels": {"a": "b"}}], "names": ["y"], "count": 2},
        template={"labels": {"a": "$(NAME)"}, "attributes": {"a": "b"}},
        lease={"renewWithin": "30m", "maxDuration": "6h", "releaseStates": ["free"]},
        janitor={"provider": "aws"},
    ),
    a.RESOURCE: bodies.resource(
        {**HELD, "lastHolders": [{"namespace": "a", "name": "b", "uid": "c"}], "conditions": [CONDITION]},
        attributes={"a": "b"},
    ),
    a.LEASE: bodies.lease(
        {
            "state": "Bound",
            "terms": {"renewWithin": "30m", "maxDuration": "6h"},
            "resources": [{"name": "x", "request": "a", "pool": "aws", "epoch": 5}],
            "conditions": [CONDITION],
        },
        holder={"identity": "x"},
        release=[{"name": "*"}],
    ),
}


@pytest.mark.parametrize("odd", ["two", 2, 2.5, True, None, {"odd": 2}, ["odd"]], ids=repr)
@pytest.mark.parametrize("kind", WHOLE)
def test_a_value_of_another_kind_is_named_or_not_looked_at(kind: str, odd: Any) -> None:
    """Else it is found where it is used: in the middle of a decision about other objects."""
    good = codec.read(kind, WHOLE[kind])
    for part in ("spec", "status"):
        for number in range(len(list(places(WHOLE[kind][part])))):
            body = copy.deepcopy(WHOLE[kind])
            container, key = list(places(body[part]))[number]
            if type(container[key]) is type(odd):
                continue
            container[key] = odd
            try:
                read = codec.read(kind, body)
            except codec.CannotRead:
                continue
            assert read == good, f"{key} of {part} may be {odd!r}"


NUMBERS = st.integers(-10, 10_000) | st.floats(allow_nan=True)
SCALARS = (
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text(max_size=6)
    | st.sampled_from(("30m", CREATED, "9999-12-31T23:59:59-23:59"))
)
JSON = st.recursive(
    SCALARS, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=4), x, max_size=3), max_leaves=6
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in a JSON value."""
    keys: Any = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
        yield from places(value[key])


def spoilt(body: Json, changes: list[Any], seed: int) -> Json:
    """The object with some of its values replaced."""
    out = copy.deepcopy(body)
    rng = random.Random(seed)
    for change in changes:
        inside = [*places({"spec": out["spec"]}), *places({"status": out["status"]})]
        container, key = rng.choice([*inside, (out, "spec")])
        container[key] = change
    return out


BROKEN = given(
    kind=st.sampled_from(sorted(WHOLE)), changes=st.lists(JSON, min_size=1, max_size=3), seed=st.integers(0, 10**6)
)


@settings(max_examples=80, deadline=None, derandomize=True)
@BROKEN
def test_a_broken_object_is_unreadable_and_never_another_exception(kind: str, changes: list[Any], seed: int) -> None:
    with contextlib.suppress(codec.CannotRead):
        codec.read(kind, spoilt(WHOLE[kind], changes, seed))


@settings(max_examples=80, deadline=None, derandomize=True)
@BROKEN
def test_a_broken_object_harms_no_other(kind: str, changes: list[Any], seed: int) -> None:
    world = World(build.pool("gcp"), build.resource("gcp-1"), build.pool("aws"), build.resource("aws-1"))
    body = spoilt(WHOLE[kind], changes, seed)
    body["metadata"]["resourceVersion"] = str(world.version + 1)
    world.version += 1
    try:
        world.ledger.observe(codec.read(kind, body))
    except codec.CannotRead as e:
        world.ledger.observe_unreadable(e.item)
    world.create(build.lease("u1", asks={"gcp": 1}))
    assert "Claim gcp-1 for u1" in map(build.words, world.decide())


def test_the_finalizer_of_ours_is_not_among_the_others() -> None:
    assert FINALIZER not in resource(bodies.resource()).other_finalizers
