"""What `calls` writes, `codec` reads back as the value that the core meant, and the API's schema allows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lessor.api import models
from lessor.api.names import FINALIZER
from lessor.core import actions as a
from lessor.core.explain import Reason, bound_conditions, end_conditions, waiting_conditions
from lessor.core.model import (
    Condition,
    ConditionStatus,
    Entry,
    Holder,
    Item,
    Lease,
    LeaseState,
    Pool,
    Resource,
    Terms,
    Unreadable,
)
from lessor.core.states import Event
from lessor.kube import codec
from lessor.kube.calls import Call, call_for, path_of, stamp
from tests.core.applied import applied
from tests.kube import bodies
from tests.kube.bodies import HELD, Json, patched

AT = 1_795_536_000.25  # 2026-11-24T16:00:00.250000Z
MODELS: dict[str, Any] = {a.POOL: models.Pool, a.RESOURCE: models.Resource, a.LEASE: models.Lease}
HOLDER = Holder("ci", "next", "next-uid", 4, "free", "dirty", "job 8", 5400.0)
WHY = (Reason.WAITING_FOR_CAPACITY, "pool aws has too few free resources")
ENTRIES = (Entry("aws-1", "main", "aws", 9, {"region": "x"}), Entry("aws-2", "main", "aws", 1))

NAKED = bodies.resource({"state": "free", "epoch": 8, "since": "2026-11-24T15:00:01Z", "holdUntil": bodies.CREATED})
LENT = bodies.resource(HELD, attributes={"region": "x", "old": "y"}, credentialsSecret="s")
BLANK = bodies.resource()
WAITING = bodies.lease()
BOUND = bodies.lease(
    {
        "state": "Bound",
        "attempt": 2,
        "boundTime": bodies.CREATED,
        "terms": {"renewWithin": "30m", "priority": 0, "releaseState": "free", "onLoss": "free"},
        "resources": [
            {"name": "aws-1", "request": "main", "pool": "aws", "epoch": 9, "attributes": {"region": "x"}},
            {"name": "aws-2", "request": "main", "pool": "aws", "epoch": 1},
        ],
    }
)
POOL = bodies.pool({"counts": {"busy": 2, "free": 1, "leased": 0, "dirty": 0}, "total": 3, "waiting": 1})


def read(body: Json) -> Any:
    return codec.read(body["kind"], body)


def of(body: Json) -> Any:
    return read(body)


def naked() -> Resource:
    found: Resource = of(NAKED)
    return found


def lent() -> Resource:
    found: Resource = of(LENT)
    return found


def waiting() -> Lease:
    found: Lease = of(WAITING)
    return found


def bound() -> Lease:
    found: Lease = of(BOUND)
    return found


def a_pool() -> Pool:
    found: Pool = of(POOL)
    return found


ITEM = Item("aws-1", labels={"zone": "b"}, attributes={"region": "z"}, credentials_secret=None)
READY = {"Ready": Condition("Ready", ConditionStatus.TRUE, Reason.READY, "lends")}
ENDED = end_conditions(bound(), LeaseState.RELEASED, (Reason.RELEASED, "its holder released it"))
TERMS = Terms(1800.0, 5400.0, "dirty", "free", -3)
FEW_TERMS = Terms(60.0, None, None, None, 0)
SLACK_TERMS = Terms(60.0, None, None, None, 0, 90.0)
SEEN = Condition("HolderAlive", ConditionStatus.TRUE, Reason.POD_RUNNING, "Pod p is there and has not ended")

WRITES: dict[str, tuple[Json, a.Write]] = {
    "Claim": (NAKED, a.Claim(naked(), HOLDER, "leased")),
    "Claim, nothing known of the holder": (NAKED, a.Claim(naked(), replace(HOLDER, identity=""), "busy")),
    "HandOver": (LENT, a.HandOver(lent(), replace(HOLDER, identity=""), "leased", Reason.RELEASED)),
    "Free": (LENT, a.Free(lent(), "dirty", Reason.LOST)),
    "Free, held back": (LENT, a.Free(lent(), "dirty", Reason.LOST, AT + 60)),
    "Initialise": (BLANK, a.Initialise(of(BLANK), "free")),
    "Initialise, held back": (BLANK, a.Initialise(of(BLANK), "dirty", AT + 60)),
    "Adopt": (BLANK, a.Adopt(of(BLANK), HOLDER, "leased", 12)),
    "MarkResource": (NAKED, a.MarkResource(naked(), READY)),
    "MarkResource, nothing wrong any more": (NAKED, a.MarkResource(naked(), {})),
    "UpdateResource": (LENT, a.UpdateResource(lent(), ITEM)),
    "DropFinalizer": (NAKED, a.DropFinalizer(naked())),
    "Bind": (WAITING, a.Bind(waiting(), ENTRIES, TERMS, bound_conditions(["aws-1", "aws-2"]))),
    "Bind, pools that differ": (WAITING, a.Bind(waiting(), ENTRIES, FEW_TERMS, bound_conditions([]))),
    "Raise": (WAITING, a.Raise(waiting(), (("some-uid", 0),))),
    "Report": (WAITING, a.Report(waiting(), True, waiting_conditions(WHY, accepted=True))),
    "Report, not accepted": (WAITING, a.Report(waiting(), False, waiting_conditions(WHY, accepted=False))),
    "Bind, with all that is known of its holder": (
        WAITING,
        a.Bind(waiting(), ENTRIES, SLACK_TERMS, bound_conditions([], SEEN), "pod-uid", AT + 60),
    ),
    "Report, with what is known of its holder": (
        WAITING,
        a.Report(waiting(), True, waiting_conditions(WHY, accepted=True, alive=SEEN), "pod-uid"),
    ),
    "NoteHolder": (BOUND, a.NoteHolder(bound(), SEEN)),
    "NoteHolder, pinned": (WAITING, a.NoteHolder(waiting(), SEEN, "pod-uid")),
    "Shrink": (BOUND, a.Shrink(bound(), ENTRIES[1:])),
    "End": (BOUND, a.End(bound(), Event.RELEASE, LeaseState.RELEASED, ENDED)),
    "End of one that waits": (WAITING, a.End(waiting(), Event.REFUSE, LeaseState.REFUSED, ENDED)),
    "ProtectPool": (POOL, a.ProtectPool(a_pool())),
    "UnprotectPool": (POOL, a.UnprotectPool(a_pool())),
    "ReserveOrdinals": (POOL, a.ReserveOrdinals(a_pool(), 5)),
    "ReportPool": (POOL, a.ReportPool(a_pool(), {"leased": 3}, 3, 0, READY)),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_is_written_is_read_back_as_the_core_meant_it(name: str) -> None:
    old, action = WRITES[name]
    new = written(old, action)
    assert read(new) == applied(action, AT, int(new["metadata"]["resourceVersion"]), stamp)


@pytest.mark.parametrize("name", WRITES)
def test_what_is_written_is_what_the_api_allows(name: str) -> None:
    old, action = WRITES[name]
    MODELS[old["kind"]].model_validate(written(old, action))


@pytest.mark.parametrize("name", WRITES)
def test_each_write_is_guarded_by_uid_and_version_as_text(name: str) -> None:
    old, action = WRITES[name]
    assert action.key[0] == old["kind"]
    call = call_for(action, AT)
    assert call.verb == "merge_patch"
    assert call.body is not None
    meta = call.body["metadata"]
    assert (meta["uid"], meta["resourceVersion"]) == (old["metadata"]["uid"], "7")
    assert call.path == path_of(action)


def written(old: Json, action: a.Write) -> Json:
    call = call_for(action, AT)
    assert call.body is not None
    return patched(old, call.body, call.subresource)


def status_of(name: str) -> Json:
    call = call_for(WRITES[name][1], AT)
    assert call.body is not None
    assert call.subresource == "status"
    found: Json = call.body["status"]
    return found


# -- Resources


@pytest.mark.parametrize("name", ["Claim", "HandOver", "Adopt", "Claim, nothing known of the holder"])
def test_a_holder_is_written_whole_so_nothing_of_the_last_one_stays(name: str) -> None:
    assert set(status_of(name)["holder"]) == {
        "namespace",
        "name",
        "uid",
        "identity",
        "attempt",
        "from",
        "releaseState",
        "term",
    }


def test_the_last_holders_identity_does_not_stay_when_the_next_has_none() -> None:
    assert "identity" not in written(*WRITES["HandOver"])["status"]["holder"]


@pytest.mark.parametrize("name", ["Claim", "HandOver", "Free"])
def test_each_change_of_the_holder_grows_the_epoch_by_one(name: str) -> None:
    assert status_of(name)["epoch"] == 9


def test_a_claim_clears_the_hold_that_is_over() -> None:
    assert "holdUntil" not in written(*WRITES["Claim"])["status"]


def test_no_more_than_five_past_holders_are_written() -> None:
    past = [
        {"namespace": "ci", "name": f"old{n}", "uid": f"old{n}", "ended": "Lost", "at": bodies.CREATED}
        for n in range(5)
    ]
    old = bodies.resource({**HELD, "lastHolders": past})
    new = written(old, a.Free(read(old), "free", Reason.RELEASED))
    assert [h["uid"] for h in new["status"]["lastHolders"]] == ["e2e-uid", "old0", "old1", "old2", "old3"]
    assert new["status"]["lastHolders"][0]["at"] == "2026-11-24T16:00:00.250000Z"


@pytest.mark.parametrize("name", ["UpdateResource", "ProtectPool"])
def test_somebody_elses_finalizer_stays_beside_ours(name: str) -> None:
    assert sorted(written(*WRITES[name])["metadata"]["finalizers"]) == [FINALIZER, "x.io/y"]


@pytest.mark.parametrize("name", ["DropFinalizer", "UnprotectPool"])
def test_somebody_elses_finalizer_stays_when_ours_goes(name: str) -> None:
    assert written(*WRITES[name])["metadata"]["finalizers"] == ["x.io/y"]


def test_attributes_that_the_pool_no_longer_has_go() -> None:
    new = written(*WRITES["UpdateResource"])
    assert new["spec"] == {"pool": "aws", "attributes": {"region": "z"}}


def test_an_update_leaves_what_people_own() -> None:
    old = bodies.resource(cordoned={"reason": "broken"}, recheck=4)
    old["metadata"]["labels"] = {"mine": "stays"}
    new = written(old, a.UpdateResource(read(old), ITEM))
    assert (new["spec"]["cordoned"], new["spec"]["recheck"]) == ({"reason": "broken"}, 4)
    assert new["metadata"]["labels"] == {"mine": "stays", "zone": "b"}


def test_a_resource_is_created_with_our_finalizer_and_no_status() -> None:
    item = Item("aws-9", labels={"zone": "b"}, attributes={"region": "z"}, credentials_secret="s")
    call = call_for(a.CreateResource(a_pool(), item, True), AT)
    assert (call.verb, call.path) == ("create", "/apis/lessor.dev/v1alpha1/resources")
    assert call.body == {
        "apiVersion": "lessor.dev/v1alpha1",
        "kind": "Resource",
        "metadata": {"name": "aws-9", "finalizers": [FINALIZER], "labels": {"zone": "b"}},
        "spec": {"pool": "aws", "attributes": {"region": "z"}, "credentialsSecret": "s"},
    }
    models.Resource.model_validate(call.body)


def test_a_plain_resource_is_created_without_empty_fields() -> None:
    call = call_for(a.CreateResource(a_pool(), Item("aws-9"), False), AT)
    assert call.body is not None
    assert call.body["spec"] == {"pool": "aws"}
    assert "labels" not in call.body["metadata"]


def test_what_the_holder_changed_since_the_bind_can_be_told_after_a_note_about_it() -> None:
    body = bodies.lease({**BOUND["status"], "observedGeneration": 2})
    assert read(body).collected
    assert read(written(body, a.NoteHolder(read(body), SEEN))).collected


def test_a_note_about_the_holder_keeps_every_other_condition() -> None:
    first = written(WAITING, a.Report(waiting(), True, waiting_conditions(WHY, accepted=True)))
    then = written(first, a.NoteHolder(read(first), SEEN, "pod-uid"))
    assert [c["type"] for c in then["status"]["conditions"]] == [c["type"] for c in first["status"]["conditions"]]
    assert then["status"]["holderUID"] == "pod-uid"


def test_when_a_lease_ends_unless_it_is_renewed_is_written_with_the_bind() -> None:
    status = status_of("Bind, with all that is known of its holder")
    assert status["expireTime"] == "2026-11-24T16:01:01Z"  # to the second, rounded up
    assert (status["terms"]["renewWithin"], status["terms"]["renewSlack"]) == ("1m", "1m30s")
    assert "expireTime" not in status_of("Bind")


def test_the_deletion_of_a_finished_lease_is_guarded() -> None:
    call = call_for(a.DeleteLease(bound()), AT)
    assert (call.verb, call.path) == ("delete", "/apis/lessor.dev/v1alpha1/namespaces/ci/leases/e2e")
    assert call.body == {"preconditions": {"uid": "e2e-uid", "resourceVersion": "7"}}


def test_a_deletion_is_guarded_too() -> None:
    call = call_for(a.DeleteResource(naked()), AT)
    assert call == Call(
        "delete",
        "/apis/lessor.dev/v1alpha1/resources/aws-1",
        {"preconditions": {"uid": "aws-1-uid", "resourceVersion": "7"}},
    )


# -- Leases


def test_a_bind_says_everything_in_one_write() -> None:
    status = status_of("Bind")
    assert status["state"] == status["reason"] == "Bound"
    assert status["boundTime"] == "2026-11-24T16:00:00.250000Z"
    assert status["observedGeneration"] == 3
    assert status["requests"] == [{"name": "main", "count": 1, "pool": "aws"}]
    assert status["terms"] == {
        "renewWithin": "30m",
        "maxDuration": "1h30m",
        "releaseState": "dirty",
        "onLoss": "free",
        "priority": -3,
    }
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Accepted": "True",
        "Bound": "True",
        "Ready": "True",
        "HolderAlive": "Unknown",
        "ReclaimRequested": "False",
        "Finished": "False",
    }


def test_the_expanded_requests_say_what_is_not_the_default() -> None:
    spec = [{"name": "a", "pool": "aws", "count": 2, "names": ["y", "x", "z"], "from": "dirty", "as": "cleaning"}]
    old = bodies.lease(requests=spec)
    new = written(old, a.Report(read(old), True, waiting_conditions(WHY, accepted=True)))
    assert new["status"]["requests"] == [
        {"name": "a", "pool": "aws", "count": 2, "names": ["x", "y", "z"], "from": "dirty", "as": "cleaning"}
    ]


def test_the_expanded_requests_show_selectors_and_alternatives() -> None:
    labels = {f"l{n}": "x" for n in range(32)}
    others = [{"key": f"e{n}", "operator": "In", "values": ["x"]} for n in range(15)]
    others.append({"key": "gone", "operator": "DoesNotExist"})
    ways = [{"pool": "aws", "names": ["b", "a"]}, {"pool": "gcp", "count": 3, "selector": {"matchLabels": {"x": "1"}}}]
    spec: list[Json] = [
        {"name": "most", "pool": "aws", "selector": {"matchLabels": labels, "matchExpressions": others}},
        {"name": "all", "pool": "aws", "selector": {}},
        {"name": "any", "count": 2, "firstOf": ways},
    ]
    old = bodies.lease(requests=spec)
    new = written(old, a.Report(read(old), True, waiting_conditions(WHY, accepted=True)))
    models.Lease.model_validate(new)
    assert new["status"]["requests"] == [
        {**spec[0], "count": 1},
        {**spec[1], "count": 1},
        {
            "name": "any",
            "count": 2,
            "firstOf": [
                {"pool": "aws", "count": 2, "names": ["a", "b"]},
                {"pool": "gcp", "count": 3, "selector": {"matchLabels": {"x": "1"}}},
            ],
        },
    ]


def test_a_raise_touches_nothing_but_the_attempt() -> None:
    assert status_of("Raise") == {"attempt": 1}


def test_an_end_takes_every_resource_out_in_the_write_that_says_so() -> None:
    status = status_of("End")
    assert status["resources"] == []
    assert {c["type"]: c["status"] for c in status["conditions"] if c["type"] in ("Bound", "Ready", "Finished")} == {
        "Bound": "False",
        "Ready": "False",
        "Finished": "True",
    }


def test_a_shrink_leaves_bound_time_terms_and_attempt_alone() -> None:
    assert set(status_of("Shrink")) == {"resources"}


def test_a_condition_keeps_its_time_until_its_status_flips() -> None:
    first = written(WAITING, a.Report(waiting(), True, waiting_conditions(WHY, accepted=True)))
    then: Lease = read(first)
    other = (Reason.POOL_PAUSED, "pool aws is on hold (spec.mode)")
    call = call_for(a.Report(then, True, waiting_conditions(other, accepted=True)), AT + 60)
    assert call.body is not None
    again = patched(first, call.body, call.subresource)
    assert {c["lastTransitionTime"] for c in again["status"]["conditions"]} == {stamp(AT)}
    assert {c["type"]: c["reason"] for c in again["status"]["conditions"]}["Bound"] == "PoolPaused"
    call = call_for(a.Bind(read(again), ENTRIES, TERMS, bound_conditions(["aws-1"])), AT + 90)
    assert call.body is not None
    last = {c["type"]: c for c in patched(again, call.body, "status")["status"]["conditions"]}
    assert last["Bound"]["lastTransitionTime"] == stamp(AT + 90)
    assert last["Accepted"]["lastTransitionTime"] == stamp(AT)


# -- Pools


def test_a_pools_states_that_nobody_is_in_any_more_go_but_for_the_columns() -> None:
    assert written(*WRITES["ReportPool"])["status"]["counts"] == {"free": 0, "leased": 3, "dirty": 0}


def test_a_reservation_touches_nothing_but_the_ordinal() -> None:
    assert status_of("ReserveOrdinals") == {"nextOrdinal": 5}


# -- what can't be read


@pytest.mark.parametrize(
    ("kind", "body", "condition"),
    [(a.POOL, POOL, "Ready"), (a.RESOURCE, NAKED, "Ready"), (a.LEASE, WAITING, "Accepted")],
)
def test_an_unreadable_object_says_so_and_keeps_its_other_conditions(kind: str, body: Json, condition: str) -> None:
    mine = {"type": condition, "status": "True", "reason": "x", "message": "", "lastTransitionTime": bodies.CREATED}
    other = {"type": "Other", "status": "True", "reason": "x", "message": "", "lastTransitionTime": bodies.CREATED}
    broken = {**body, "spec": {}, "status": {**body.get("status", {}), "conditions": [mine, other]}}
    item = unreadable(kind, broken)
    assert not item.told
    call = call_for(a.TellUnreadable(item), AT)
    assert call.body is not None
    new = patched(broken, call.body, call.subresource)
    assert {c["type"]: c["reason"] for c in new["status"]["conditions"]} == {condition: "Unreadable", "Other": "x"}
    assert call.path == path_of(a.TellUnreadable(item))
    assert unreadable(kind, new).told  # told once


def unreadable(kind: str, body: Json) -> Unreadable:
    with pytest.raises(codec.CannotRead) as caught:
        codec.read(kind, body)
    return caught.value.item


# -- reads


def test_reads_go_to_the_object_they_are_about() -> None:
    assert call_for(a.LookAtLease("ci", "e2e", "uid"), AT) == Call(
        "get", "/apis/lessor.dev/v1alpha1/namespaces/ci/leases/e2e"
    )
    assert call_for(a.LookAtPool("aws"), AT) == Call("get", "/apis/lessor.dev/v1alpha1/pools/aws")
    assert call_for(a.ListLeases(4), AT) == Call("list", "/apis/lessor.dev/v1alpha1/leases")
    assert path_of(a.CreateResource(a_pool(), Item("aws-9"), True)) == "/apis/lessor.dev/v1alpha1/resources/aws-9"
