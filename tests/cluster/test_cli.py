"""The command line against a real API server and operator: who waits, why, and resources taken out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lessor.kube import paths
from tests.cluster.commands import Said, lessor
from tests.cluster.history import names_of
from tests.cluster.world import World
from tests.kube.wire import eventually, service_account

pytestmark = pytest.mark.usefixtures("operator")


async def cli(world: World, *words: str) -> Said:
    return await lessor(world.plane.kubeconfig, *words)


async def held_pool(world: World) -> tuple[str, str]:
    """A pool of one resource that lease `holder` has; their names."""
    pool = await world.pool("aws", names=["aws-1"])
    await world.lease("holder", pool)
    (name,) = await world.ready("holder")
    return pool, name


async def test_the_queue_is_the_order_in_which_leases_are_granted(world: World) -> None:
    pool, name = await held_pool(world)
    for lease, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 9)):
        await world.lease(lease, pool, priority=priority)
        await world.waits(lease, "WaitingForCapacity")
    shown = (await cli(world, "get", "queue", pool, "-o", "name")).lines
    rows = (await cli(world, "get", "queue", pool)).cells
    assert [row[2] for row in rows] == shown
    assert rows[0][:2] == [pool, "1 of 4"]
    granted = []
    previous = "holder"
    while shown[len(granted) :]:
        await world.delete_lease(previous)
        resource = await world.recorder.until(
            "another has it",
            lambda old=previous: (
                world.seen_resource(name)["status"].get("holder", {}).get("name") not in (None, old)
                and world.seen_resource(name)
            ),
        )
        previous = resource["status"]["holder"]["name"]
        granted.append(f"{world.name}/{previous}")
        await world.ready(previous)
    assert granted == shown


async def test_a_waiting_lease_is_explained_by_who_holds_and_who_is_ahead(world: World) -> None:
    pool, name = await held_pool(world)
    await world.lease("first", pool)
    await world.waits("first", "WaitingForCapacity")
    await world.lease("mine", pool, priority=-1)
    sentence = await world.waits("mine", "WaitingForCapacity")
    said = await cli(world, "explain", "mine", "-n", world.name)
    assert said.code == 0
    assert said.lines[0] == f"{world.name}/mine: Waiting, WaitingForCapacity"
    assert said.lines[1] == f"Why       {sentence}"
    assert f"Place     2 of 2 for pool {pool}, behind first" in said.lines
    assert f"Pools     {pool}: 0 free, 1 held" in said.lines
    assert any(line.startswith(f"Held      {name} by {world.name}/holder for ") for line in said.lines)
    told = (await cli(world, "explain", f"{world.name}/mine", "-o", "json")).json
    (place,) = told["places"]
    assert place == {"pool": pool, "position": 2, "of": 2, "ahead": {"leases": ["first"], "otherNamespaces": 0}}
    (held,) = told["held"]
    assert (held["resource"], held["namespace"], held["name"]) == (name, world.name, "holder")
    assert (told["exact"], told["stock"]) == (True, {pool: {"held": 1}})


async def test_a_lease_is_explained_through_its_life(world: World) -> None:
    _, name = await held_pool(world)
    lines = (await cli(world, "explain", "holder", "-n", world.name)).lines
    assert lines[0] == f"{world.name}/holder: Bound, Ready"
    assert any(f"{name} of pool" in line for line in lines)
    await world.patch_lease("holder", {"spec": {"release": [{"name": "*"}]}})
    await world.says("Lease", "holder", "Finished", "Released")
    told = yaml.safe_load((await cli(world, "explain", "holder", "-n", world.name, "-o", "yaml")).out)
    assert (told["state"], told["reason"]) == ("Released", "Released")


async def test_what_is_printed_as_data_is_what_the_api_server_has(world: World) -> None:
    pool, name = await held_pool(world)
    lease = await world.read_lease("holder")
    del lease["metadata"]["managedFields"]
    for output, parse in (("json", lambda said: said.json), ("yaml", lambda said: yaml.safe_load(said.out))):
        one = await cli(world, "get", "leases", "holder", "-n", world.name, "-o", output)
        assert parse(one) == lease  # type: ignore[no-untyped-call]
        several = parse(await cli(world, "get", "leases", "-n", world.name, "-o", output))  # type: ignore[no-untyped-call]
        assert (several["kind"], several["items"]) == ("List", [lease])
        queue = parse(await cli(world, "get", "queue", pool, "-o", output))  # type: ignore[no-untyped-call]
        assert queue == {"exact": True, "pools": [{"pool": pool, "waiting": 0, "leases": []}]}
    resources = (await cli(world, "get", "resources", "--pool", pool, "-o", "json")).json["items"]
    assert [resource["metadata"]["name"] for resource in resources] == [name]
    named = (await cli(world, "get", "leases", "-n", world.name, "-o", "name")).lines
    assert named == ["lease.lessor.dev/holder"]
    assert world.plane.kubectl("get", "-n", world.name, *named).returncode == 0


async def test_nothing_to_show_is_said_on_stderr_and_is_no_failure(world: World) -> None:
    said = await cli(world, "get", "leases", "-n", world.name)
    assert (said.code, said.out, said.err) == (0, "", f"no leases found in namespace {world.name}\n")
    pool = await world.pool("p", count=1)
    said = await cli(world, "get", "queue", pool)
    assert (said.code, said.out, said.err) == (0, "", f"no leases wait for pool {pool}\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("get pools no-such-pool", "there is no pool no-such-pool; lessor get pools shows those that are"),
        ("get resources no-such-one", "there is no resource no-such-one; lessor get resources shows those that are"),
        ("get queue no-such-pool", "there is no pool no-such-pool; lessor get pools shows those that are"),
        (
            "explain no-such-lease -n default",
            "there is no lease no-such-lease in namespace default; lessor get leases -n default shows those that are",
        ),
        (
            "cordon no-such-one --reason x",
            "there is no resource no-such-one; lessor get resources shows those that are",
        ),
        ("uncordon no-such-one", "there is no resource no-such-one; lessor get resources shows those that are"),
    ],
)
async def test_a_name_that_is_not_there_is_one_sentence_and_exit_code_3(
    world: World, words: str, sentence: str
) -> None:
    said = await cli(world, *words.split())
    assert (said.code, said.out, said.err) == (3, "", f"Error: {sentence}\n")


async def test_of_several_names_those_that_are_there_are_shown(world: World) -> None:
    pool = await world.pool("p", count=1)
    await world.stocked(pool, 1)
    said = await cli(world, "get", "pools", "no-such-pool", pool)
    assert (said.code, [row[0] for row in said.cells]) == (3, [pool])
    assert said.err == "Error: there is no pool no-such-pool; lessor get pools shows those that are\n"


async def test_a_cordoned_resource_that_is_held_stays_held_and_is_not_lent_after(world: World) -> None:
    pool, name = await held_pool(world)
    after = f"; it is held by {world.name}/holder until that ends, and not lent after"
    assert (await cli(world, "cordon", name, "--reason", "vpc")).lines == [f"{name} cordoned{after}"]
    by = (await world.read_resource(name))["spec"]["cordoned"].pop("by")
    assert (await world.read_resource(name))["spec"]["cordoned"] == {"reason": "vpc", "by": by}
    assert by == world.plane.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}").stdout
    again = await cli(world, "cordon", name, "--reason", "vpc")
    assert again.lines == [f"{name} is cordoned already by {by}{after}"]
    assert names_of(await world.read_lease("holder")) == [name]

    await world.lease("next", pool)
    await world.delete_lease("holder")
    await world.waits("next", "AllCordoned")
    lines = (await cli(world, "explain", "next", "-n", world.name)).lines
    assert f"Helps     {name} is cordoned (by {by}): vpc" in lines
    assert f"          once they are fit again an administrator runs: lessor uncordon {name}" in lines
    assert (await cli(world, "uncordon", name)).lines == [f"{name} uncordoned"]
    assert await world.ready("next") == [name]
    assert (await cli(world, "uncordon", name)).lines == [f"{name} is not cordoned"]


async def test_who_may_get_and_patch_resources_may_cordon(world: World, tmp_path: Path) -> None:
    pool = await world.pool("p", count=1)
    (name,) = await world.stocked(pool, 1)
    user = await service_account(world.client, world.plane, world.name, "medic", tmp_path / "medic")
    role, who = f"{world.name}-medic", f"--serviceaccount={world.name}:medic"
    kubectl = world.plane.kubectl
    kubectl("create", "clusterrole", role, "--verb=get,patch", "--resource=resources.lessor.dev")
    kubectl("create", "clusterrolebinding", role, f"--clusterrole={role}", who)
    try:

        async def may() -> bool:
            return (await lessor(user, "cordon", name, "--reason", "x")).code == 0

        await eventually("the right is known", may)
        cordoned = (await world.read_resource(name))["spec"]["cordoned"]
        assert cordoned == {"reason": "x", "by": f"system:serviceaccount:{world.name}:medic"}
        assert (await lessor(user, "uncordon", name)).lines == [f"{name} uncordoned"]
    finally:
        kubectl("delete", "clusterrole,clusterrolebinding", role)


async def test_who_waits_for_their_own_limit_is_told_which_of_their_leases_hold(world: World) -> None:
    pool = await world.pool("p", count=2, queue={"maxPerTenant": 1})
    await world.lease("one", pool)
    await world.ready("one")
    await world.lease("two", pool)
    await world.waits("two", "TenantLimitReached")
    lines = (await cli(world, "explain", "two", "-n", world.name)).lines
    assert f"Pools     {pool}: 1 free, 1 held" in lines
    assert lines[-1].endswith(f"end one of your own that is not needed any more: kubectl delete rl -n {world.name} one")


async def test_uncordon_of_a_quarantined_resource_asks_for_its_cleaning(world: World) -> None:
    pool = await world.pool("p", names=["r"], lease={"releaseStates": ["free", "quarantined"]})
    await world.lease("bad", pool, releaseState="quarantined")
    (name,) = await world.ready("bad")
    await world.delete_lease("bad")
    resource = await world.is_in_state(name, "quarantined")
    said = await cli(world, "uncordon", name)
    assert said.lines == [f"{name} is not cordoned; it is quarantined: it is cleaned again before it is lent"]
    assert (await world.read_resource(name))["spec"]["recheck"] == resource["status"]["epoch"]


async def test_a_user_of_one_namespace_sees_their_leases_and_rounded_places(world: World, tmp_path: Path) -> None:
    pool, _ = await held_pool(world)
    await world.lease("mine", pool)
    await world.waits("mine", "WaitingForCapacity")
    user = await service_account(world.client, world.plane, world.name, "dev", tmp_path / "dev")
    who = f"system:serviceaccount:{world.name}:dev"

    for words in (
        ("get", "leases"), ("get", "queue"), ("get", "pools"), ("explain", "mine"), ("cordon", "x", "--reason", "y"),
    ):  # fmt: skip
        where = ("-n", world.name) if words[0] != "cordon" and words[1] != "pools" else ()
        said = await lessor(user, *words, *where)
        assert said.code == 4 and said.out == ""
        assert f'User "{who}" cannot ' in said.err and said.err.count("\n") == 1

    await may_read_leases(world, "dev")
    await eventually("the right is known", lambda: permitted(user, world.name))
    said = await lessor(user, "get", "queue", "-n", world.name)
    assert said.cells == [
        [pool, "1 of 1", f"{world.name}/mine", world.name, "0", "1", said.cells[0][6], "WaitingForCapacity"]
    ]
    assert said.err == (
        "places are rounded, as a lease's status has them: you may not list pools, resources, leases in the whole "
        f"cluster; only leases of namespace {world.name} are shown\n"
    )
    said = await lessor(user, "explain", "mine", "-n", world.name)
    assert f"Place     1 of 1 for pool {pool}" in said.lines
    assert not any(line.startswith("Held") for line in said.lines)
    assert (await lessor(user, "get", "queue", "-A")).code == 4
    assert (await lessor(user, "get", "leases", "-A")).code == 4


async def may_read_leases(world: World, account: str) -> None:
    rbac = paths.Kind("rbac.authorization.k8s.io", "v1", "roles", True)
    rules = [{"apiGroups": ["lessor.dev"], "resources": ["leases"], "verbs": ["get", "list"]}]
    await world.client.create(paths.collection(rbac, world.name), {"metadata": {"name": "dev"}, "rules": rules})
    binding = {
        "metadata": {"name": "dev"},
        "roleRef": {"apiGroup": rbac.group, "kind": "Role", "name": "dev"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": world.name}],
    }
    await world.client.create(paths.collection(rbac._replace(plural="rolebindings"), world.name), binding)


async def permitted(user: Path, namespace: str) -> bool:
    return (await lessor(user, "get", "leases", "-n", namespace)).code == 0
