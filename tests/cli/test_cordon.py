"""`lessor cordon` and `uncordon` while the operator writes the same Resource."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from click.exceptions import Exit as Ended

from lessor.cli import cordon
from lessor.kube.client import Client
from lessor.kube.errors import Conflict, Forbidden
from lessor.kube.views import ResourceView
from tests.cli.seen import Json, Seen, cluster, resource


class Patches(Client):
    """Takes patches; the first `conflicts` of them come too late."""

    def __init__(self, conflicts: int) -> None:
        self.conflicts = conflicts
        self.taken: list[Json] = []

    async def merge_patch(self, path: str, body: Any, *, subresource: str | None = None, strict: bool = True) -> Json:
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("the object has been modified")
        self.taken.append(body)
        return {}

    async def create(self, path: str, body: Any, *, strict: bool = True) -> Json:
        raise Forbidden("no")


def seen(client: Client, *names: str) -> Seen:
    return replace(cluster(*(resource(name) for name in names)), client=client)


def cordoned(resource: ResourceView) -> cordon.Step:
    return cordon._cordon(resource, "vpc", "ann")


def test_a_write_that_came_too_late_is_decided_again(capsys: pytest.CaptureFixture[str]) -> None:
    client = Patches(conflicts=cordon.TRIES_MAX - 1)
    asyncio.run(cordon._each(seen(client, "aws-1"), ["aws-1"], cordoned))
    assert [patch["spec"] for patch in client.taken] == [{"cordoned": {"reason": "vpc", "by": "ann"}}]
    assert capsys.readouterr().out == "aws-1 cordoned\n"


def test_a_conflict_that_stays_is_a_failure_of_that_one_alone(capsys: pytest.CaptureFixture[str]) -> None:
    client = Patches(conflicts=cordon.TRIES_MAX)
    with pytest.raises(Ended) as ended:
        asyncio.run(cordon._each(seen(client, "aws-1", "aws-2"), ["aws-1", "gone", "aws-2"], cordoned))
    assert ended.value.exit_code == 1
    said = capsys.readouterr()
    assert said.out == "aws-2 cordoned\n"
    assert said.err == "Error: the object has been modified\nError: there is no gone\n"


def test_where_the_api_server_does_not_tell_who_cordons_the_machine_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    assert asyncio.run(cordon._user(seen(Patches(0)))) == "ann"
