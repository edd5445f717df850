"""`lessor cordon` and `lessor uncordon`: a Resource is lent no more, or again. Both may be repeated."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence

import click

from lessor.api import names as api
from lessor.cli.cluster import Cluster, Json, connected
from lessor.cli.exits import Failure, fail_with, failure
from lessor.cli.options import Target
from lessor.kube import cordon as patches
from lessor.kube import paths, views
from lessor.kube.errors import Conflict, KubeError
from lessor.kube.views import ResourceView

TRIES_MAX = 5  # the operator may write the Resource between our read and our write, once for each grant
Step = tuple[Json | None, str]  # the patch, if one is needed, and what to say then


async def cordon(target: Target, resources: Sequence[str], reason: str) -> None:
    async with connected(target) as cluster:
        by = await _user(cluster)
        await _each(cluster, resources, lambda resource: _cordon(resource, reason, by))


async def uncordon(target: Target, resources: Sequence[str]) -> None:
    async with connected(target) as cluster:
        await _each(cluster, resources, _uncordon)


def _cordon(resource: ResourceView, reason: str, by: str) -> Step:
    held = ""
    if resource.holder is not None:
        held = f"; it is held by {resource.holder.namespace}/{resource.holder.name} until that ends, and not lent after"
    patch = patches.cordon(resource, reason, by)
    if patch is None:
        return None, f"{resource.name} is cordoned already{_by(resource)}{held}"
    before = f" (before: {resource.cordon_reason}{_by(resource)})" if resource.cordoned else ""
    return patch, f"{resource.name} cordoned{before}{held}"


def _uncordon(resource: ResourceView) -> Step:
    patch = patches.uncordon(resource)
    done = f"{resource.name} uncordoned" if resource.cordoned else f"{resource.name} is not cordoned"
    if patches.wants_recheck(resource):
        done += "; it is quarantined: it is cleaned again before it is lent"
    elif resource.state == patches.QUARANTINED:
        done += "; it is quarantined, and to be cleaned again already"
    return patch, done


def _by(resource: ResourceView) -> str:
    return f" by {resource.cordoned_by}" if resource.cordoned_by else ""


async def _each(cluster: Cluster, resources: Sequence[str], step: Callable[[ResourceView], Step]) -> None:
    failures = []
    for name in dict.fromkeys(resources):
        try:
            click.echo(await _change(cluster, name, step))
        except Failure as e:
            failures.append(e)
        except KubeError as e:
            failures.append(failure(e))
    fail_with(failures)


async def _change(cluster: Cluster, name: str, step: Callable[[ResourceView], Step]) -> str:
    """One Resource: read, decide, write with the version that was read; again if it has moved on meanwhile."""
    for tries_left in reversed(range(TRIES_MAX)):
        patch, said = step(views.resource(await cluster.get(api.RESOURCE, name)))
        if patch is None:
            return said
        try:
            await cluster.client.merge_patch(paths.one(paths.RESOURCES, name), patch)
            return said
        except Conflict:
            if not tries_left:
                raise
    raise AssertionError("the last try returns or raises")


async def _user(cluster: Cluster) -> str:
    """Who cordons: the API server's name for the user; where it does not tell, this machine's."""
    try:
        return await patches.user_name(cluster.client)
    except KubeError:
        try:
            return getpass.getuser()
        except (KeyError, OSError):  # a user id without a name, in a container
            return "unknown"
