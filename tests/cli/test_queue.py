"""`lessor get queue`: what is shown of the line, and to whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lessor.cli import queue
from lessor.cli.exits import Failure
from lessor.cli.options import Target
from tests.cli.seen import Json, Seen, cluster, pool, waits

SHORT = ("WaitingForCapacity", "pool aws has too few free resources")
OBJECTS = (
    pool(),
    pool("gcp"),
    waits("b/first", *SHORT, at="15:00:00"),
    waits("second", *SHORT, {"aws": 1, "gcp": 2}, at="15:10:00"),
    waits("b/urgent", *SHORT, at="15:20:00", spec={"priority": 7}),
)


def shown(
    monkeypatch: pytest.MonkeyPatch, where: Seen, of: str | None = None, output: str = "table", **target: Any
) -> None:
    @asynccontextmanager
    async def connected(_: Target) -> AsyncIterator[Seen]:
        yield where

    monkeypatch.setattr(queue, "connected", connected)
    asyncio.run(queue.queue(Target(**target), of, output))


def test_the_line_of_each_pool_is_shown_first_in_line_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(monkeypatch, cluster(*OBJECTS))
    assert capsys.readouterr().out.splitlines() == [
        "POOL  POSITION  LEASE      TENANT  PRIORITY  ASKS FOR     WAITED  REASON",
        "aws   1 of 3    b/urgent   b       7         1            10m     WaitingForCapacity",
        "aws   2 of 3    b/first    b       0         1            30m     WaitingForCapacity",
        "aws   3 of 3    ci/second  ci      0         1, 2 of gcp  20m     WaitingForCapacity",
        "gcp   1 of 1    ci/second  ci      0         1 of aws, 2  20m     WaitingForCapacity",
    ]
    shown(monkeypatch, cluster(*OBJECTS), "aws", "name")
    assert capsys.readouterr().out.splitlines() == ["b/urgent", "b/first", "ci/second"]


def test_of_one_namespace_the_places_in_the_whole_line_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(monkeypatch, cluster(*OBJECTS), "aws", "json", namespace="ci")
    told = json.loads(capsys.readouterr().out)
    assert told["exact"] is True
    (line,) = told["pools"]
    assert (line["pool"], line["waiting"]) == ("aws", 3)
    assert [(lease["position"], lease["name"]) for lease in line["leases"]] == [(3, "second")]
    shown(monkeypatch, cluster(*OBJECTS), "gcp", namespace="b")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "no leases of namespace b wait for pool gcp\n")


def test_tenants_are_what_the_pool_makes_of_them_and_priorities_are_capped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fair = {"fairShare": {"by": "Label", "labelKey": "team"}, "maxPriority": 5}
    mine = waits("mine", *SHORT, spec={"priority": 9})
    mine["metadata"]["labels"] = {"team": "storage"}
    shown(monkeypatch, cluster(pool(queue=fair), mine), output="json")
    (lease,) = json.loads(capsys.readouterr().out)["pools"][0]["leases"]
    assert (lease["tenant"], lease["priority"]) == ("storage", 5)
    assert lease["asks"] == [{"name": "aws", "count": 1, "pool": "aws"}]


def placed(name: str, position: int | None, of: int, **facts: Any) -> Json:
    return waits(name, *SHORT, status={"queue": {"position": position, "of": of}}, **facts)


@pytest.mark.parametrize("hidden", [("Lease",), ("Pool", "Resource", "Lease")])
def test_without_rights_in_the_whole_cluster_the_places_are_the_statuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hidden: tuple[str, ...]
) -> None:
    objects = (pool(), placed("late", 8, 16), placed("soon", 2, 16), waits("new", *SHORT), placed("b/x", 1, 16))
    shown(monkeypatch, cluster(*objects, hidden=hidden))
    said = capsys.readouterr()
    assert [line.split()[1:4] for line in said.out.splitlines()[1:3]] == [["2", "of", "16"], ["8", "of", "16"]]
    assert "ci/new" in said.out.splitlines()[3] and "b/x" not in said.out
    kinds = {"Lease": "leases", "Pool": "pools", "Resource": "resources"}
    assert said.err == (
        "places are rounded, as a lease's status has them: you may not list "
        f"{', '.join(kinds[kind] for kind in hidden)} in the whole cluster; only leases of namespace ci are shown\n"
    )


def test_who_may_list_leases_but_not_pools_sees_all_of_them_at_rounded_places(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown(monkeypatch, cluster(placed("a", 8, 16), placed("b/x", 1, 16), hidden=("Pool", "Resource")), output="json")
    told = json.loads(capsys.readouterr().out)
    assert told["exact"] is False
    assert [lease["name"] for lease in told["pools"][0]["leases"]] == ["x", "a"]


def test_a_pool_that_is_not_there_has_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failure, match="there is no pool gcp") as failed:
        shown(monkeypatch, cluster(pool()), "gcp")
    assert failed.value.exit_code == 3


def test_an_empty_line_is_said_on_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown(monkeypatch, cluster(pool()))
    shown(monkeypatch, cluster(pool()), "aws", "name")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "no leases wait\nno leases wait for pool aws\n")
    shown(monkeypatch, cluster(pool()), "aws", "json")
    told = {"exact": True, "pools": [{"pool": "aws", "waiting": 0, "leases": []}]}
    assert json.loads(capsys.readouterr().out) == told
