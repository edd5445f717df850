"""The line of a pool is the operator's own order."""

from __future__ import annotations

import asyncio

from lessor.cli.cluster import look_at_all
from lessor.cli.lines import lines, pools_with_a_line
from lessor.core.ledger import Ledger
from tests.cli.seen import NOW, Json, cluster, lease, pool, waits


def ledger(*objects: Json) -> Ledger:
    made = asyncio.run(look_at_all(cluster(*objects))).ledger()
    assert made is not None
    return made


def test_priority_goes_before_arrival_and_arrival_before_the_rest() -> None:
    known = ledger(
        pool(),
        waits("late", "X", "…", at="15:02:00"),
        waits("early", "X", "…", at="15:01:00"),
        waits("b/urgent", "X", "…", at="15:03:00", spec={"priority": 1}),
        lease("held", status={"state": "Bound"}),
        lease("unseen", at="15:29:00"),
    )
    line = lines(known, ["aws"], NOW)["aws"]
    assert [str(waiter) for waiter in line] == ["b/urgent", "ci/early", "ci/late", "ci/unseen"]


def test_each_pool_has_its_part_of_one_order() -> None:
    known = ledger(
        pool(),
        pool("gcp"),
        waits("a", "X", "…", {"aws": 1}, at="15:00:00"),
        waits("b", "X", "…", {"aws": 1, "gcp": 1}, at="15:01:00"),
        waits("c", "X", "…", {"gcp": 1}, at="15:02:00"),
    )
    found = lines(known, pools_with_a_line(known), NOW)
    assert {name: [waiter.name for waiter in line] for name, line in found.items()} == {
        "aws": ["a", "b"],
        "gcp": ["b", "c"],
    }


def test_who_waits_for_a_pool_that_is_gone_stands_in_its_line() -> None:
    known = ledger(waits("a", "PoolNotFound", "…"))
    assert pools_with_a_line(known) == ["aws"]
    assert [waiter.name for waiter in lines(known, ["aws"], NOW)["aws"]] == ["a"]


def test_an_object_that_can_not_be_read_spoils_no_line() -> None:
    odd = waits("odd", "X", "…")
    odd["spec"]["requests"] = [{"name": "main", "pool": "aws", "count": "two"}]
    assert [waiter.name for waiter in lines(ledger(pool(), odd, waits("a", "X", "…")), ["aws"], NOW)["aws"]] == ["a"]
