"""What would help a waiting Lease, per reason: whom to ask, which command. The reason's own sentence is the
operator's (`core.explain`) and is not said again here."""

from __future__ import annotations

from collections.abc import Callable
from shlex import quote

from lessor.cli.facts import Facts
from lessor.core.explain import Reason
from lessor.kube.cordon import QUARANTINED
from lessor.kube.views import ResourceView

SHOWN_MAX = 5  # names or sentences of one kind


def remedies(facts: Facts) -> list[str]:
    """Sentences, the most useful first; none where the reason's own sentence says what to do."""
    if facts.lease.deleting:
        return []
    reason = facts.said.reason
    if not reason:
        return [_nobody_looked()]
    known = _REMEDIES.get(reason)
    return known(facts) if known is not None else []


def _nobody_looked() -> str:
    return (
        "no operator has looked at it: is one running? "
        "kubectl get leases.coordination.k8s.io -A --field-selector metadata.name=lessor-operator names who leads"
    )


def _paused(facts: Facts) -> list[str]:
    out = []
    for pool in (facts.pools or {}).values():
        if pool.deleting or pool.ready.reason == Reason.NOT_SUPPORTED_YET:
            out.append(f"pool {pool.name}: {pool.ready.message}")
        elif pool.mode != "Active":
            patch = quote('{"spec": {"mode": "Active"}}')
            out.append(f"an administrator lets it lend: kubectl patch pool {quote(pool.name)} --type merge -p {patch}")
    return out or ["an administrator lets the pool lend again (spec.mode: Active)"]


def _tenant_limit(facts: Facts) -> list[str]:
    namespace = facts.lease.namespace
    own = dict.fromkeys(r.holder.name for r in facts.held if r.holder and r.holder.namespace == namespace)
    if not own:
        return []
    names = " ".join(map(quote, list(own)[:SHOWN_MAX]))
    return [f"end one of your own that is not needed any more: kubectl delete rl -n {quote(namespace)} {names}"]


def _reserved(facts: Facts) -> list[str]:
    commands = " and ".join(f"lessor get queue {quote(pool)}" for pool in facts.lease.pools)
    return [f"those ahead of it have to get all that they ask for first: {commands}"]


def _capacity(facts: Facts) -> list[str]:
    if facts.resources is None:
        return ["one of the holders has to end first; who they are is not shown to those who may not list resources"]
    out = []
    if facts.held and (longest := facts.held[0]).holder is not None:
        owner = f"{longest.holder.namespace}/{longest.holder.name}"
        out.append(f"ask whether {owner} still needs {longest.name}: nobody holds one for longer")
    return out + _out_of_use(facts)


def _out_of_use(facts: Facts) -> list[str]:
    """What nobody gets until somebody says so: cordoned, quarantined."""
    out = []
    cordoned = [r for r in facts.resources or () if r.cordoned]
    for r in cordoned[:SHOWN_MAX]:
        by = f" (by {r.cordoned_by})" if r.cordoned_by else ""
        out.append(f"{r.name} is cordoned{by}: {r.cordon_reason}")
    if cordoned:
        out.append(f"once they are fit again an administrator runs: {_uncordon(cordoned)}")
    quarantined = [r for r in facts.resources or () if r.state == QUARANTINED and not r.cordoned]
    if quarantined:
        out.append(f"{len(quarantined)} quarantined; an administrator has them cleaned again: {_uncordon(quarantined)}")
    return out


def _uncordon(resources: list[ResourceView]) -> str:
    more = " …" if len(resources) > SHOWN_MAX else ""
    return f"lessor uncordon {' '.join(quote(r.name) for r in resources[:SHOWN_MAX])}{more}"


# By the reason as it stands in the object: that may be of another version than this program.
_REMEDIES: dict[str, Callable[[Facts], list[str]]] = {
    Reason.TENANT_LIMIT_REACHED: _tenant_limit,
    Reason.POOL_PAUSED: _paused,
    Reason.ALL_CORDONED: _out_of_use,
    Reason.RESERVED_FOR_EARLIER: _reserved,
    Reason.WAITING_FOR_OTHER_POOL: _capacity,
    Reason.WAITING_FOR_CLEANING: _capacity,
    Reason.WAITING_FOR_CAPACITY: _capacity,
}
