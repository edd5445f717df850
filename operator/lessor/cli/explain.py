"""`lessor explain LEASE`: in a few lines why it waits and what would help, what it holds, or how it ended."""

from __future__ import annotations

from itertools import chain, repeat

import click

from lessor.cli import facts as seen
from lessor.cli import output as out
from lessor.cli.cluster import connected
from lessor.cli.facts import Facts, Place
from lessor.cli.options import Target
from lessor.cli.remedies import SHOWN_MAX, remedies
from lessor.core.model import FREE
from lessor.kube import views
from lessor.kube.views import ResourceView

Line = tuple[str, str]  # a label, empty where it is the one before, and what it says
_LABEL_WIDTH = 10


async def explain(target: Target, name: str, output: str) -> None:
    async with connected(target) as cluster:
        facts = await seen.look(cluster, name)
    helps = remedies(facts) if facts.lease.waiting else []
    if output == "text":
        click.echo(text(facts, helps, cluster.wall))
    else:
        click.echo(out.data(seen.as_json(facts, helps), output))


def text(facts: Facts, helps: list[str], wall: float) -> str:
    """`wall`: now, in seconds since the epoch."""
    lease = facts.lease
    state = ", ".join(dict.fromkeys(word for word in (lease.state or "Waiting", facts.said.reason) if word))
    ready = lease.state == "Bound" and facts.said.status == "True"
    lines: list[Line] = [("Why", facts.said.message)] if facts.said.message and not ready else []
    if lease.waiting:
        lines += _waiting(facts, wall) + _labelled("Helps", helps)
    elif lease.state == "Bound":
        lines += _bound(facts, wall)
    else:
        lines += _ended(facts, wall)
    shown = [f"{label:<{_LABEL_WIDTH}}{out.printable(words)}".rstrip() for label, words in lines]
    return "\n".join([f"{lease.namespace}/{lease.name}: {state}", *shown])


def _waiting(facts: Facts, wall: float) -> list[Line]:
    lease = facts.lease
    lines: list[Line] = [("Since", _when(lease.created, wall))]
    if lease.deleting:
        lines.append(("", "it is being deleted"))
    lines += _labelled("Asks for", [str(ask) for ask in lease.asks])
    if facts.priority:
        lines.append(("Priority", str(facts.priority)))
    if lease.said("Accepted").status == "True":  # else it is about to be refused, and in nobody's way
        lines += _labelled("Place", [_place(place) for place in facts.places] or ["not known yet"])
    if lease.queue.blocked_by and not facts.exact:
        lines.append(("", f"waits for {lease.queue.blocked_by}"))
    if lease.queue.latest_start:
        lines.append(("", f"begins at the latest {lease.queue.latest_start}"))
    if facts.note:
        lines.append(("", f"({facts.note})"))
    if facts.resources is not None:
        lines += _labelled("Pools", [_stock(pool, states) for pool, states in facts.stock.items()])
    held = facts.held
    lines += _labelled("Held", [_held(facts, resource, wall) for resource in held[:SHOWN_MAX]])
    if len(held) > SHOWN_MAX:
        where = " and ".join(f"lessor get resources --pool {pool}" for pool in dict.fromkeys(r.pool for r in held))
        lines.append(("", f"and {len(held) - SHOWN_MAX} more, not held for so long: {where}"))
    return lines


def _place(place: Place) -> str:
    words = f"{place.position} of {place.of} for pool {place.pool}"
    if place.ahead_elsewhere is None:
        return words
    ahead = list(place.ahead[:SHOWN_MAX])
    if len(place.ahead) > SHOWN_MAX:
        ahead.append(f"{len(place.ahead) - SHOWN_MAX} more of this namespace")
    if elsewhere := place.ahead_elsewhere:
        ahead.append(f"{elsewhere} {'lease' if elsewhere == 1 else 'leases'} of other namespaces")
    return f"{words}, behind {', '.join(ahead)}" if ahead else f"{words}: it is next"


def _stock(pool: str, states: dict[str, int]) -> str:
    words = [f"{count} {state}" for state, count in sorted(states.items()) if state != FREE]
    return f"{pool}: {', '.join([f'{states.get(FREE, 0)} free', *words])}"


def _held(facts: Facts, resource: ResourceView, wall: float) -> str:
    holder, expires = resource.holder, views.moment(facts.expires(resource))
    assert holder is not None
    words = f"{resource.name} by {holder.namespace}/{holder.name} for {out.since(resource.since, wall)}"
    if expires is None or expires <= wall:  # it is not written again at a renewal
        return words
    return f"{words}, ends in {out.age(expires - wall)} unless it is renewed"


def _bound(facts: Facts, wall: float) -> list[Line]:
    lease = facts.lease
    lines: list[Line] = [("Since", _when(lease.bound_time, wall))]
    for label, given in zip(chain(("Holds",), repeat("")), lease.resources, strict=False):
        attributes = ", ".join(f"{key}={value}" for key, value in given.attributes.items())
        words = f"{given.name} of pool {given.pool}, request {given.request}, epoch {given.epoch}"
        lines.append((label, f"{words}: {attributes}" if attributes else words))
    at = views.moment(lease.expire_time)
    if at is not None:
        due = f"in {out.age(at - wall)} ({lease.expire_time}) unless it is renewed"
        past = f"was due {lease.expire_time}: renewed since then, or about to end"
        lines.append(("Expires", due if at > wall else past))
    if lease.holder:
        lines.append(("Holder", lease.holder))
    alive = lease.said("HolderAlive")
    if alive.status:
        lines.append(("Alive", f"{alive.status}, {alive.reason}: {alive.message}"))
    reclaim = lease.said("ReclaimRequested")
    if reclaim.status == "True":
        lines.append(("Reclaim", f"{reclaim.reason}: {reclaim.message}"))
    return lines


def _ended(facts: Facts, wall: float) -> list[Line]:
    lease, ended = facts.lease, facts.said.since
    lines: list[Line] = [("Ended", _when(ended, wall))]
    start, end = views.moment(lease.bound_time or lease.created), views.moment(ended)
    if start is not None and end is not None:
        verb = "held for" if lease.bound_time else "never bound; waited for"
        lines.append(("", f"{verb} {out.age(end - start)}"))
    return lines


def _when(text: str, wall: float) -> str:
    return f"{out.since(text, wall)} ({text})" if text else "<unknown>"


def _labelled(label: str, sentences: list[str]) -> list[Line]:
    return [(label if place == 0 else "", sentence) for place, sentence in enumerate(sentences)]
