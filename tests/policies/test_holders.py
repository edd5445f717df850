"""A pod that creates a Lease holds it: nobody else names it, renews, releases or deletes; and nobody is locked out."""

from __future__ import annotations

from typing import Any

import pytest

from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.errors import KubeError
from tests.kube.wire import eventually
from tests.policies.people import NOW, SYSTEM, People, Person, is_gone, refusal

Json = dict[str, Any]

RELEASE_ALL = [{"name": "*"}]


def holder(lease: Json) -> Json:
    found: Json = lease["spec"].get("holder", {})
    return found


# -- who becomes the holder


async def test_the_pod_whose_token_creates_a_lease_becomes_its_holder(home: str, first: Person) -> None:
    assert holder(await first.lease(home, "a")) == {"pod": {"name": "first", "uid": first.uid}}


async def test_what_the_lease_says_of_its_holder_besides_is_kept(home: str, first: Person) -> None:
    made = await first.lease(home, "a", holder={"identity": "pull-ci e2e"})
    assert holder(made) == {"identity": "pull-ci e2e", "pod": {"name": "first", "uid": first.uid}}


async def test_a_lease_for_another_object_gets_no_pod(home: str, first: Person) -> None:
    ref = {"apiVersion": "batch/v1", "kind": "Job", "name": "e2e"}
    assert holder(await first.lease(home, "a", holder={"ref": ref})) == {"ref": ref}


async def test_a_lease_in_another_namespace_than_the_pods_gets_no_holder(people: People, first: Person) -> None:
    """holder.pod is a pod in the Lease's namespace, so there would be nobody to watch."""
    other = await people.namespace("other")
    await people.give(first, "lessor-user", other)
    await first.until_may("create", "leases", other)
    assert holder(await first.lease(other, "a")) == {}


async def test_an_account_without_a_pod_gets_no_holder(people: People, home: str) -> None:
    person = await people.plain(home, "person")
    assert holder(await person.lease(home, "a")) == {}


@pytest.mark.parametrize("where", ["a namespace of jobs", "its own"])
async def test_a_lease_that_the_server_creates_does_not_end_with_the_servers_pod(
    where: str, people: People, admin: Client, home: str, server_account: Person
) -> None:
    namespace, name = SYSTEM if where == "its own" else home, people.name
    assert holder(await server_account.lease(namespace, name, renewSlack="15s")) == {}
    pod = paths.one(paths.PODS, server_account.pod, SYSTEM)
    await admin.delete(pod)
    await eventually("the server's pod is gone", lambda: is_gone(admin, pod))
    successor = await people.pod(SYSTEM, f"{people.name}-successor", "lessor-server")
    await successor.patch(namespace, name, renewTime=NOW)
    await successor.delete(namespace, name)
    await admin.delete(paths.one(paths.PODS, successor.pod, SYSTEM))


async def test_neither_does_one_of_the_operator(people: People, operator_account: Person) -> None:
    assert holder(await operator_account.lease(SYSTEM, f"needs-{people.name}")) == {}
    await operator_account.delete(SYSTEM, f"needs-{people.name}")


async def test_what_the_schema_refuses_is_refused_with_the_schemas_sentence(home: str, first: Person) -> None:
    """The policies run on what nobody has judged yet."""
    collection = paths.collection(paths.LEASES, home)
    for spec, sentence in (
        (None, "spec: Required value"),
        ({"requests": []}, "spec.requests"),
        ({"requests": [{"pool": "p"}], "holder": {"pod": {}}}, "spec.holder.pod.name: Required value"),
        ({"requests": [{"pool": "p"}], "holder": "me"}, "spec.holder"),
        ({"requests": [{"pool": "p"}], "holder": {"pod": "me"}}, "spec.holder.pod"),
        ({"requests": [{"pool": "p"}], "holder": ["me"]}, "spec.holder"),
        ({"requests": [{"pool": "p"}], "holder": {"ref": 7}}, "spec.holder.ref"),
        ({"requests": "p"}, "spec.requests"),
        ("p", "spec"),
        (["p"], "spec"),
        (7, "spec"),
    ):
        body: Json = {"apiVersion": "lessor.dev/v1alpha1", "kind": "Lease", "metadata": {"name": "a"}}
        if spec is not None:
            body["spec"] = spec
        with pytest.raises(KubeError) as refused:
            await first.client.create(collection, body)
        assert sentence in refused.value.message
        assert "policy" not in refused.value.message


async def test_a_holder_that_is_null_is_no_holder(home: str, first: Person) -> None:
    assert holder(await first.lease(home, "a", holder=None)) == {"pod": {"name": "first", "uid": first.uid}}
    assert holder(await first.lease(home, "b", holder={"pod": None})) == {"pod": {"name": "first", "uid": first.uid}}


# -- whom a Lease may name


@pytest.mark.parametrize("with_uid", [True, False])
async def test_a_pod_may_name_itself(with_uid: bool, home: str, first: Person) -> None:
    pod = {"name": "first", **({"uid": first.uid} if with_uid else {})}
    assert holder(await first.lease(home, "a", holder={"pod": pod})) == {"pod": pod}


async def test_nobody_names_another_pod_as_holder(people: People, home: str, first: Person, second: Person) -> None:
    person = await people.plain(home, "person")
    for who, pod in (
        (second, {"name": "first"}),
        (second, {"name": "first", "uid": first.uid}),
        (second, {"name": "first", "uid": second.uid}),
        (second, {"name": "second", "uid": first.uid}),
        (person, {"name": "first"}),
        (person, {"name": "nowhere"}),
    ):
        said = await refusal(who.lease(home, "a", holder={"pod": pod}))
        asks = " (that is second)" if who is second else ""
        assert f"spec.holder.pod: pod {pod['name']} is not the pod whose token asks{asks}: leave holder.pod out" in said


async def test_a_pod_does_not_name_its_namesake_in_another_namespace(people: People, first: Person) -> None:
    other = await people.namespace("other")
    await people.give(first, "lessor-user", other)
    await first.until_may("create", "leases", other)
    await people.pod(other, "first")
    await refusal(first.lease(other, "a", holder={"pod": {"name": "first"}}))
    await refusal(first.lease(other, "a", holder={"pod": {"name": "first", "uid": first.uid}}))


async def test_who_administers_leases_names_any_pod(home: str, first: Person, administrator: Person) -> None:
    pod = {"name": "first", "uid": first.uid}
    assert holder(await administrator.lease(home, "a", holder={"pod": pod})) == {"pod": pod}


# -- what others may do to it


async def test_the_holder_renews_releases_and_deletes(home: str, first: Person) -> None:
    await first.lease(home, "a")
    await first.patch(home, "a", renewTime=NOW)
    await first.patch(home, "a", release=RELEASE_ALL, outcome={"result": "Succeeded"})
    await first.delete(home, "a")


async def test_a_second_pod_of_the_same_account_can_neither_renew_nor_release_nor_delete_it(
    home: str, first: Person, second: Person, admin: Client
) -> None:
    before = await first.lease(home, "a")
    for change in ({"renewTime": NOW}, {"release": RELEASE_ALL}, {"outcome": {"result": "Failed"}}):
        said = await refusal(second.patch(home, "a", **change))
        assert "the pod first holds this Lease: only that pod, or who has the verb administer on leases" in said
        assert "may change it; it ends by itself when the pod has ended" in said
    assert "may delete it" in await refusal(second.delete(home, "a"))
    assert await admin.get(paths.one(paths.LEASES, "a", home)) == before


async def test_neither_can_who_deletes_all_leases_at_once(
    people: People, admin: Client, home: str, first: Person
) -> None:
    person = await people.plain(home, "person")
    rule = {"apiGroups": ["lessor.dev"], "resources": ["leases"], "verbs": ["deletecollection"]}
    await people.give(person, await people.role("sweeper", rule))
    await person.until_may("deletecollection", "leases", home)
    await first.lease(home, "a")
    await refusal(person.client.delete(paths.collection(paths.LEASES, home)))
    await admin.get(paths.one(paths.LEASES, "a", home))


async def test_a_person_without_a_pod_can_not_either(people: People, home: str, first: Person) -> None:
    person = await people.plain(home, "person")
    await first.lease(home, "a")
    await refusal(person.patch(home, "a", renewTime=NOW))
    await refusal(person.delete(home, "a"))


async def test_a_pod_that_was_made_anew_under_the_name_is_not_the_holder(
    people: People, admin: Client, home: str, first: Person, operator_account: Person
) -> None:
    """With the uid in the spec, and with the one that the operator has noted."""
    await first.lease(home, "a")
    await first.lease(home, "b", holder={"pod": {"name": "first"}})
    await operator_account.status(home, "b", holderUID=first.uid)
    await first.patch(home, "b", renewTime=NOW)
    pod = paths.one(paths.PODS, "first", home)
    await admin.delete(pod)
    await eventually("the pod is gone", lambda: is_gone(admin, pod))
    successor = await people.pod(home, "first")
    assert successor.uid != first.uid
    for name in ("a", "b"):
        await refusal(successor.patch(home, name, renewTime="2026-11-24T13:00:00Z"))
        await refusal(successor.delete(home, name))


async def test_a_pod_of_the_holders_name_in_another_namespace_is_not_the_holder(
    people: People, home: str, first: Person
) -> None:
    """Until the operator has noted a uid the name alone is known."""
    other = await people.namespace("other")
    namesake = await people.pod(other, "first")
    await people.give(namesake, "lessor-user", home)
    await namesake.until_may("delete", "leases", home)
    await first.lease(home, "a", holder={"pod": {"name": "first"}})
    await refusal(namesake.delete(home, "a"))


async def test_who_administers_leases_renews_releases_and_deletes_any(
    people: People, home: str, first: Person, administrator: Person, operator_account: Person, server_account: Person
) -> None:
    for n, person in enumerate((administrator, server_account)):
        await first.lease(home, f"a{n}")
        await person.patch(home, f"a{n}", renewTime=NOW)
        await person.patch(home, f"a{n}", release=RELEASE_ALL)
        await person.delete(home, f"a{n}")
    await first.lease(home, "b")
    await operator_account.delete(home, "b")


async def test_who_administers_leases_of_one_namespace_does_not_in_another(
    people: People, administrator: Person
) -> None:
    other = await people.namespace("other")
    await people.give(administrator, "lessor-user", other)
    await administrator.until_may("delete", "leases", other)
    pod = await people.pod(other, "first")
    await pod.lease(other, "a")
    await refusal(administrator.delete(other, "a"))


async def test_for_a_lease_without_a_holder_pod_rbac_alone_decides(
    people: People, home: str, first: Person, second: Person
) -> None:
    person = await people.plain(home, "person")
    await person.lease(home, "a")
    await first.patch(home, "a", renewTime=NOW)
    await second.delete(home, "a")


async def test_a_label_is_rbacs_business_and_an_owner_is_not(home: str, first: Person, second: Person) -> None:
    """The garbage collector deletes what has an owner that is not there."""
    await first.lease(home, "a")
    one = paths.one(paths.LEASES, "a", home)
    await second.client.merge_patch(one, {"metadata": {"labels": {"seen": "yes"}}})
    nobody = {"apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": "00000000-0000-0000-0000-000000000000"}
    await refusal(second.client.merge_patch(one, {"metadata": {"ownerReferences": [nobody]}}))


@pytest.mark.parametrize("state", ["Released", "Expired", "Refused"])
async def test_a_finished_lease_is_nobodys_so_its_name_can_be_used_again(
    state: str, home: str, first: Person, second: Person, operator_account: Person
) -> None:
    await first.lease(home, "a")
    await operator_account.status(home, "a", state="Bound")
    await refusal(second.delete(home, "a"))
    await operator_account.status(home, "a", state=state)
    await second.delete(home, "a")
    assert holder(await second.lease(home, "a"))["pod"]["name"] == "second"


async def test_a_lease_whose_owner_is_gone_is_collected(admin: Client, home: str, first: Person) -> None:
    owner = await admin.create(paths.collection(paths.CONFIGMAPS, home), {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    await first.lease(home, "a")
    one = paths.one(paths.LEASES, "a", home)
    await first.client.merge_patch(one, {"metadata": {"ownerReferences": [reference]}})
    await admin.delete(paths.one(paths.CONFIGMAPS, "owner", home))
    await eventually("the Lease is gone", lambda: is_gone(admin, one), 60)


async def test_the_greatest_lease_is_within_the_cost_limits(home: str, first: Person, second: Person) -> None:
    def name(n: int) -> str:
        return f"{n:03}-{'x' * 249}"

    names = [name(m) for m in range(64)]  # more, and etcd refuses it
    requests = [{"name": f"r{n}", "pool": name(n), "count": 16, "names": names} for n in range(16)]
    await first.lease(home, "a", requests=requests, holder={"identity": "x" * 4096})
    await first.patch(home, "a", renewTime=NOW)
    await refusal(second.patch(home, "a", renewTime="2026-11-24T13:00:00Z"))
    await first.delete(home, "a")
