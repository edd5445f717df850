"""`lessor explain`: what a person reads about a Lease that waits, is bound, or has ended."""

from __future__ import annotations

import pytest

from lessor.cli import facts as seen
from lessor.cli.remedies import _REMEDIES, remedies
from lessor.core.explain import Reason
from tests.cli.seen import condition, explained, facts, held, lease, pool, resource, waits

SHORT = "pool aws has too few free resources"
ALL_KINDS = ("Pool", "Resource", "Lease")


def test_a_lease_that_waits_is_told_its_place_who_is_ahead_who_holds_and_whom_to_ask() -> None:
    lines = explained(
        "mine",
        pool(),
        held("aws-1", "b/old", "2026-11-24T13:00:00Z"),
        held("aws-2", "ci/own", "2026-11-24T15:20:00Z"),
        lease("b/old", status={"state": "Bound", "expireTime": "2026-11-24T15:50:00Z"}),
        lease("own", status={"state": "Bound"}),
        waits("b/x", "WaitingForCapacity", SHORT, at="14:00:00"),
        waits("first", "WaitingForCapacity", SHORT, at="14:30:00"),
        waits("mine", "WaitingForCapacity", SHORT, {"aws": 2}, at="15:00:00"),
        waits("b/later", "WaitingForCapacity", SHORT, at="15:01:00"),
    )
    assert lines == [
        "ci/mine: Waiting, WaitingForCapacity",
        "Why       pool aws has too few free resources",
        "Since     30m (2026-11-24T15:00:00Z)",
        "Asks for  2 of aws",
        "Place     3 of 4 for pool aws, behind first, 1 lease of other namespaces",
        "Pools     aws: 0 free, 2 held",
        "Held      aws-1 by b/old for 150m, ends in 20m unless it is renewed",
        "          aws-2 by ci/own for 10m",
        "Helps     ask whether b/old still needs aws-1: nobody holds one for longer",
    ]


def test_over_two_pools_the_place_is_said_for_each() -> None:
    lines = explained(
        "both",
        pool(),
        pool("gcp"),
        waits("both", "WaitingForOtherPool", "…", {"aws": 1, "gcp": 2}),
        waits("one", "WaitingForCapacity", "…", {"gcp": 1}, spec={"priority": 3}),
    )
    assert "Place     1 of 1 for pool aws: it is next" in lines
    assert "          2 of 2 for pool gcp, behind one" in lines


def test_who_may_see_one_namespace_only_is_told_the_rounded_place_and_that_it_is_rounded() -> None:
    place = {"position": 8, "of": 16, "blockedBy": "b/x", "latestStart": "2026-11-24T17:00:00Z"}
    objects = (pool(), waits("mine", "WaitingForCapacity", SHORT, status={"queue": place}), waits("b/x", "X", "…"))
    lines = explained("mine", *objects, hidden=ALL_KINDS)
    assert lines[4:] == [
        "Place     8 of 16 for pool aws",
        "          waits for b/x",
        "          begins at the latest 2026-11-24T17:00:00Z",
        "          (places are rounded, as a lease's status has them: you may not list pools, resources, leases in the "
        "whole cluster)",
        "Helps     one of the holders has to end first; who they are is not shown to those who may not list resources",
    ]
    found = facts("mine", *objects, hidden=ALL_KINDS)
    told = seen.as_json(found, remedies(found))
    assert told["exact"] is False and told["places"] == [{"pool": "aws", "position": 8, "of": 16}]
    assert "held" not in told and told["blockedBy"] == "b/x"


def test_who_may_list_all_but_leases_is_still_told_who_holds() -> None:
    holder = held("aws-1", "b/old", "2026-11-24T15:00:00Z")
    lines = explained("mine", pool(), holder, waits("mine", "WaitingForCapacity", SHORT), hidden=("Lease",))
    assert "Place     not known yet" in lines
    assert "Held      aws-1 by b/old for 30m" in lines


def test_only_the_resources_that_a_lease_names_count() -> None:
    wanted = waits("mine", "WaitingForCapacity", SHORT, spec={"requests": [{"pool": "aws", "names": ["aws-1"]}]})
    lines = explained("mine", pool(), resource("aws-2"), held("aws-1", "b/x", "2026-11-24T15:00:00Z"), wanted)
    assert "Pools     aws: 0 free, 1 held" in lines


def test_only_the_resources_with_the_labels_that_it_asks_for_count() -> None:
    requests = [{"pool": "aws", "selector": {"matchLabels": {"arch": "arm"}}}]
    fitting = held("aws-1", "b/x", "2026-11-24T15:00:00Z")
    fitting["metadata"]["labels"] = {"arch": "arm"}
    lines = explained("mine", pool(), fitting, resource("aws-2"), waits("mine", "X", "…", spec={"requests": requests}))
    assert "Pools     aws: 0 free, 1 held" in lines


def test_a_priority_is_shown_as_the_pools_cap_it() -> None:
    lines = explained("mine", pool(queue={"maxPriority": 3}), waits("mine", "X", "…", spec={"priority": 9}))
    assert "Priority  3" in lines


def test_more_holders_than_fit_are_counted_and_found_by_a_command() -> None:
    many = [held(f"aws-{n}", f"b/l{n}", f"2026-11-24T15:0{n}:00Z") for n in range(8)]
    lines = explained("mine", pool(), *many, waits("mine", "WaitingForCapacity", SHORT))
    assert "          and 3 more, not held for so long: lessor get resources --pool aws" in lines


@pytest.mark.parametrize(
    ("reason", "objects", "helps"),
    [
        (
            "PoolPaused",
            [pool(mode="Hold")],
            ['an administrator lets it lend: kubectl patch pool aws --type merge -p \'{"spec": {"mode": "Active"}}\''],
        ),
        (
            "AllCordoned",
            [pool(), resource("aws-1", cordoned={"reason": "broken vpc", "by": "ann"})],
            [
                "aws-1 is cordoned (by ann): broken vpc",
                "once they are fit again an administrator runs: lessor uncordon aws-1",
            ],
        ),
        (
            "TenantLimitReached",
            [pool(queue={"maxPerTenant": 1}), held("aws-1", "ci/own", "2026-11-24T15:00:00Z")],
            ["end one of your own that is not needed any more: kubectl delete rl -n ci own"],
        ),
        (
            "ReservedForEarlier",
            [pool()],
            ["those ahead of it have to get all that they ask for first: lessor get queue aws"],
        ),
        (
            "WaitingForCleaning",
            [pool(), resource("aws-1") | {"status": {"state": "quarantined"}}],
            ["1 quarantined; an administrator has them cleaned again: lessor uncordon aws-1"],
        ),
        ("NotPermitted", [pool()], []),
        ("PoolNotFound", [], []),
        ("OfALaterVersion", [pool()], []),
    ],
)
def test_what_helps_depends_on_the_reason(reason: str, objects: list[seen.Json], helps: list[str]) -> None:
    assert remedies(facts("mine", *objects, waits("mine", reason, "…"))) == helps


def test_every_reason_to_wait_that_an_operator_writes_has_a_remedy_or_says_itself_what_to_do() -> None:
    names = list(Reason.__members__.values())
    waiting = names[names.index(Reason.TENANT_LIMIT_REACHED) : names.index(Reason.WAITING_FOR_CAPACITY) + 1]
    assert {str(reason) for reason in waiting} <= {str(reason) for reason in _REMEDIES}


def test_a_lease_that_no_operator_has_seen_says_so() -> None:
    lines = explained("mine", pool(), lease("mine"))
    assert lines[0] == "ci/mine: Waiting"
    assert lines[-1].startswith(
        "Helps     no operator has looked at it: is one running? kubectl get leases.coordination"
    )


def test_a_lease_that_is_not_accepted_yet_is_explained_by_that() -> None:
    said = [
        condition("Accepted", "Unknown", "PoolNotFound", "there is no pool aws"),
        condition("Bound", "False", "X", "…"),
    ]
    lines = explained("mine", lease("mine", status={"state": "Waiting", "conditions": said}))
    assert lines[:2] == ["ci/mine: Waiting, PoolNotFound", "Why       there is no pool aws"]


def test_a_bound_lease_says_what_it_holds_until_when_and_whether_its_holder_lives() -> None:
    said = [
        condition("Ready", "True", "Ready", "to be used"),
        condition("HolderAlive", "True", "PodRunning", "its pod runs"),
        condition("ReclaimRequested", "True", "DrainRequested", "the pool is being drained"),
    ]
    entries = [{"name": "aws-1", "request": "main", "pool": "aws", "epoch": 7, "attributes": {"region": "us-east-1"}}]
    status = {"state": "Bound", "conditions": said, "resources": entries}
    times = {"boundTime": "2026-11-24T15:10:00Z", "expireTime": "2026-11-24T15:40:00Z"}
    lines = explained("mine", lease("mine", status=status | times, spec={"holder": {"pod": {"name": "p"}}}))
    assert lines == [
        "ci/mine: Bound, Ready",
        "Since     20m (2026-11-24T15:10:00Z)",
        "Holds     aws-1 of pool aws, request main, epoch 7: region=us-east-1",
        "Expires   in 10m (2026-11-24T15:40:00Z) unless it is renewed",
        "Holder    pod/p",
        "Alive     True, PodRunning: its pod runs",
        "Reclaim   DrainRequested: the pool is being drained",
    ]


def test_a_bound_lease_whose_first_term_is_over_is_not_called_expired() -> None:
    status = {"state": "Bound", "boundTime": "2026-11-24T14:00:00Z", "expireTime": "2026-11-24T14:30:00Z"}
    mine = lease("mine", status=status)
    assert "Expires   was due 2026-11-24T14:30:00Z: renewed since then, or about to end" in explained("mine", mine)
    holder = held("aws-1", "ci/mine", "2026-11-24T14:00:00Z")
    lines = explained("other", pool(), holder, mine, waits("other", "WaitingForCapacity", SHORT))
    assert "Held      aws-1 by ci/mine for 90m" in lines


def test_an_ended_lease_says_how_and_when_it_ended() -> None:
    said = [condition("Finished", "True", "HolderGone", "its pod is gone", "2026-11-24T15:20:00Z")]
    status = {"state": "Expired", "conditions": said, "boundTime": "2026-11-24T15:10:00Z"}
    assert explained("mine", lease("mine", status=status)) == [
        "ci/mine: Expired, HolderGone",
        "Why       its pod is gone",
        "Ended     10m (2026-11-24T15:20:00Z)",
        "          held for 10m",
    ]


def test_an_identity_can_not_write_to_the_terminal() -> None:
    said = [condition("Ready", "True", "Ready", "to be used")]
    status = {"state": "Bound", "conditions": said}
    lines = explained("mine", lease("mine", status=status, spec={"holder": {"identity": "a\x1b[2J\nHelps    b"}}))
    assert lines[-1] == "Holder    a\N{REPLACEMENT CHARACTER}[2J Helps    b"
