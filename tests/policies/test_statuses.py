"""Statuses are the operator's: neither RBAC that is too wide nor a forged object changes who holds what."""

from __future__ import annotations

from typing import Any

import pytest

from lessor.api.names import API_VERSION
from lessor.kube import paths
from lessor.kube.client import Client
from tests.policies.people import NOW, STATUSES_RULE, People, Person, lease, refusal

Json = dict[str, Any]

KINDS = {
    "Pool": (paths.POOLS, {"resources": {"names": ["x"]}}, {"total": 7}),
    "Resource": (paths.RESOURCES, {"pool": "p"}, {"state": "free", "epoch": 1}),
    "Lease": (paths.LEASES, {"requests": [{"pool": "p"}]}, {"state": "Bound", "reason": "Forged"}),
    "ClusterProfile": (paths.PROFILES, {"requests": [{"name": "main", "pool": "p"}]}, {"conditions": []}),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


class One:
    """An object of a kind, made by cluster-admin."""

    def __init__(self, kind: str, name: str, namespace: str) -> None:
        self.where, spec, self.status = KINDS[kind]
        self.namespace = namespace if self.where.namespaced else ""
        self.body: Json = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.path = paths.one(self.where, name, self.namespace)

    async def made(self, admin: Client) -> One:
        await admin.create(paths.collection(self.where, self.namespace), self.body)
        return self

    async def forge(self, person: Person) -> Json:
        return await person.client.merge_patch(self.path, {"status": self.status}, subresource="status")


@pytest.fixture
async def forger(people: People, home: str) -> Person:
    """RBAC lets it write every status, by mistake."""
    person = await people.plain(home, "forger")
    await people.give(person, await people.role("forger", STATUSES_RULE | {"verbs": ["patch"]}))
    for kind, *_ in KINDS.values():
        await person.until_may("patch", kind.plural, home if kind.namespaced else "", "status")
    return person


@every_kind
async def test_only_the_operators_account_writes_the_status(
    kind: str, people: People, admin: Client, home: str, forger: Person, operator_account: Person
) -> None:
    one = await One(kind, people.name, home).made(admin)
    said = await refusal(one.forge(forger))
    assert (
        f"only the operator writes the status of a {kind}; to repair one by hand you need the verb administer" in said
    )
    assert f"{one.where.plural}/status in lessor.dev (ClusterRole lessor-repair)" in said
    before = await admin.get(one.path)
    assert "status" not in before
    assert (await one.forge(operator_account))["status"] == one.status
    await admin.delete(one.path)


@every_kind
async def test_who_has_the_role_for_repairs_may_write_it_in_an_emergency(
    kind: str, people: People, admin: Client, home: str
) -> None:
    one = await One(kind, people.name, home).made(admin)
    repairer = await people.plain(home, "repairer")
    await people.give(repairer, "lessor-repair")
    await repairer.until_may("administer", one.where.plural, one.namespace, "status")
    assert (await one.forge(repairer))["status"] == one.status
    await admin.delete(one.path)


async def test_the_server_administers_leases_and_still_writes_no_status(
    people: People, admin: Client, home: str, server_account: Person
) -> None:
    await people.give(server_account, await people.role("forger", STATUSES_RULE | {"verbs": ["patch"]}))
    await server_account.until_may("patch", "leases", home, "status")
    one = await One("Lease", people.name, home).made(admin)
    await refusal(one.forge(server_account))
    assert "status" not in await admin.get(one.path)


async def test_a_status_in_a_new_or_replaced_object_is_dropped(people: People, admin: Client, home: str) -> None:
    person = await people.plain(home, "forger")
    forged = {**lease("a"), "status": {"state": "Bound", "reason": "Forged"}}
    made = await person.client.create(paths.collection(paths.LEASES, home), forged)
    assert "status" not in made
    one = paths.one(paths.LEASES, "a", home)
    await person.client.merge_patch(one, {"status": forged["status"], "spec": {"renewTime": NOW}})
    after = await admin.get(one)
    assert after["spec"]["renewTime"] and "status" not in after
