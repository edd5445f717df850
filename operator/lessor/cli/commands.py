"""The commands for people as click sees them: words, flags, help. What they do is in the modules that they name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import click

from lessor.cli.options import Command, LeaseName, ObjectName, Target, flag

FORMATS = ("table", "json", "yaml", "name")

_CLUSTER = (
    flag("--kubeconfig", metavar="PATH", help="The cluster; default: $KUBECONFIG, the pod's own, ~/.kube/config."),
    flag("--context", metavar="NAME", help="A context of the kubeconfig; default: its current one."),
)
_NAMESPACE = flag(
    "--namespace", "-n", metavar="NAME", type=ObjectName(), help="Leases of this namespace; default: the context's."
)
_ALL = flag("--all-namespaces", "-A", is_flag=True, help="Leases of all namespaces.")
_OUTPUT = flag(
    "--output",
    "-o",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="A table for people, or the objects themselves.",
)
_EXPLAINED = flag(
    "--output",
    "-o",
    type=click.Choice(("text", "json", "yaml")),
    default="text",
    show_default=True,
    help="Sentences for people, or the same as data.",
)
_NAMES = click.argument("names", nargs=-1, type=ObjectName(), metavar="[NAME]...")
_RESOURCES = click.argument("names", nargs=-1, required=True, type=ObjectName(), metavar="RESOURCE...")


def _with(*decorators: Callable[[Any], Any]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for one in reversed((*decorators, *_CLUSTER)):
            command = one(command)
        return command

    return decorate


def _run(module: str, function: str, *args: Any) -> None:
    """By name, so that `lessor --help` loads neither them nor what they need."""
    import asyncio

    asyncio.run(getattr(importlib.import_module(f"lessor.cli.{module}"), function)(*args))


@click.group()
def get() -> None:
    """Show pools, resources, leases, or who waits in which order."""


@get.command()
@_with(_NAMES, _OUTPUT)
def pools(names: tuple[str, ...], output: str, **where: Any) -> None:
    """Show pools: how many of their resources are free, leased, dirty, and how many leases wait."""
    _run("get", "pools", Target(**where), names, output)


@get.command()
@_with(_NAMES, flag("--pool", metavar="NAME", type=ObjectName(), help="Only those of this pool."), _OUTPUT)
def resources(names: tuple[str, ...], pool: str | None, output: str, **where: Any) -> None:
    """Show resources: their state, who holds them, and why they are cordoned."""
    if names and pool:
        raise click.UsageError("give the names of resources or --pool, not both")
    _run("get", "resources", Target(**where), names, pool, output)


@get.command()
@_with(_NAMES, _NAMESPACE, _ALL, _OUTPUT)
def leases(names: tuple[str, ...], output: str, **where: Any) -> None:
    """Show leases: their state, why they wait, what they hold."""
    if names and where["all_namespaces"]:
        raise click.UsageError("a lease is named within one namespace: leave out --all-namespaces")
    _run("get", "leases", Target(**where), names, output)


@get.command()
@_with(
    click.argument("pool", required=False, type=ObjectName(), metavar="[POOL]"),
    flag("--namespace", "-n", metavar="NAME", type=ObjectName(), help="Only leases of this namespace."),
    flag("--all-namespaces", "-A", is_flag=True, help="The whole line or an error, never a part of it."),
    _OUTPUT,
)
def queue(pool: str | None, output: str, **where: Any) -> None:
    """Show who waits for a pool, or for each pool, first in line first.

    The order is exact, computed as the operator does. Who may not list leases in all namespaces is shown the leases of
    one namespace, with the rounded places that the operator has written into their status.
    """
    _run("queue", "queue", Target(**where), pool, output)


@click.command()
@_with(click.argument("lease", type=LeaseName(), metavar="LEASE"), _NAMESPACE, _EXPLAINED)
def explain(lease: tuple[str | None, str], output: str, **where: Any) -> None:
    """Say why a lease waits, who is ahead, who holds what it waits for, and what would help.

    LEASE is a name, or namespace/name. A bound lease is explained by what it holds and until when, an ended one by how
    it ended.
    """
    namespace, name = lease
    if namespace is not None:
        where["namespace"] = namespace
    _run("explain", "explain", Target(**where), name, output)


@click.command()
@_with(_RESOURCES, flag("--reason", required=True, metavar="TEXT", help="Why, for those who wait."))
def cordon(names: tuple[str, ...], reason: str, **where: Any) -> None:
    """Lend resources to nobody until they are uncordoned. Who holds one keeps it."""
    if not reason.strip():
        raise click.BadParameter("say why, for those who wait", param_hint="--reason")
    _run("cordon", "cordon", Target(**where), names, reason.strip())


@click.command()
@_with(_RESOURCES)
def uncordon(names: tuple[str, ...], **where: Any) -> None:
    """Lend resources again. One that is quarantined is cleaned again first."""
    _run("cordon", "uncordon", Target(**where), names)
