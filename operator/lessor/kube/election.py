"""Leader election on a Lease of coordination.k8s.io: one process does the work, the others stand by.

Leadership only avoids wasted work; that no resource is ever given twice rests on guarded writes (design section 3).
Still it is done properly, with client-go's rules: clocks of other machines are never compared, only how long *we* have
seen no change; a leader stops being one (`deadline`) before anybody may take its place (`duration`), counted from
before its last renewal was sent; every write of the Lease is a compare-and-set. It is handed back at the end, so a
rolling update does not wait for it to expire. The official package's own election does none of this reliably: it keeps
leading while the API server is away.
"""

import asyncio
import datetime as dt
import logging
import math
import random
import socket
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lessor.kube import paths
from lessor.kube.errors import Conflict, KubeError, NotFound

log = logging.getLogger(__name__)

SAME_COMPLAINT_SECONDS = 60.0  # a standing failure (no right to read the Lease) is said once a minute, not every second


class LeaseStore(Protocol):
    """What the election needs of `kube.client.Client`."""

    async def get(self, path: str, /) -> dict[str, Any]: ...
    async def create(self, path: str, body: Mapping[str, Any], /) -> dict[str, Any]: ...
    async def merge_patch(self, path: str, body: Mapping[str, Any], /) -> dict[str, Any]: ...


class NamespaceMissing(KubeError):
    """The namespace of the election Lease is not there; the caller creates it, or prints this."""


@dataclass(frozen=True)
class Timing:
    """All in seconds. Raises ValueError with a sentence for values with which two could lead."""

    duration: float = 8.0  # a Lease not renewed for so long may be taken
    deadline: float = 5.0  # a leader that could not renew for so long stops
    retry: float = 1.0  # between two tries, to take or to renew

    def __post_init__(self) -> None:
        if not self.duration > self.deadline:
            raise ValueError(
                f"the lease duration ({self.duration:g} s) must be longer than the renew deadline "
                f"({self.deadline:g} s): otherwise another one leads before the first has stopped"
            )
        if not self.deadline > 1.2 * self.retry > 0:
            raise ValueError(
                f"the renew deadline ({self.deadline:g} s) must be longer than 1.2 retry periods "
                f"({self.retry:g} s each, above 0): otherwise one late answer ends a leadership"
            )


def boot_seconds() -> float:
    """The machine's own clock, running on while it is suspended: who slept through its deadline does not lead."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def new_identity() -> str:
    """A name for this process. Random: two that share one would both lead, and a pod restarts under its old name."""
    return f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class _Seen:
    """The Lease as last answered. Its age counts from `at`, when we saw it change; its own times are not trusted."""

    holder: str
    renew_time: str
    term: int
    duration: float
    at: float


class Elector:
    """Campaigns, and runs `lead` while it leads."""

    def __init__(
        self,
        client: LeaseStore,
        *,
        namespace: str,
        name: str,
        identity: str,
        lead: Callable[[int], Awaitable[None]],
        timing: Timing | None = None,
        clock: Callable[[], float] = boot_seconds,
    ) -> None:
        """`identity` must be this process's alone (`new_identity`). `lead` is given the term."""
        self.term = 0  # of our own last leadership; it grows with every new leader, whoever it is
        self._client = client
        self._namespace = namespace
        self._name = name
        self._me = identity
        self._lead = lead
        self._timing = timing or Timing()
        self._clock = clock
        self._jitter = random.Random(identity)  # so that two standbys do not try in step
        self._valid_until = 0.0
        self._version: str | None = None  # of the Lease as we last wrote it; None: to be read first
        self._acquired = ""
        self._seen: _Seen | None = None
        self._complaint = ("", 0.0)

    def is_leader(self) -> bool:
        """To be asked right before every write, without an await in between."""
        return self._clock() < self._valid_until

    @property
    def leader(self) -> str:
        """Who leads as far as we know, "" if nobody does."""
        return self._seen.holder if self._seen else ""

    async def run(self) -> None:
        """Campaigns until it leads, runs `lead(term)`, and campaigns again if leadership is lost (`lead` is cancelled).

        Ends when `lead` ends, with what it raised if it raised. Cancelled: cancels `lead` and waits for it. In all
        cases but a loss the Lease is handed back, after `lead` has ended. Raises NamespaceMissing.
        """
        while True:
            if not await self._attempt():
                await asyncio.sleep(self._timing.retry * self._jitter.uniform(1, 1.2))
            elif await self._serve(self.term):
                return

    async def _serve(self, term: int) -> bool:
        """Leads in `term`; True when `lead` has ended by itself, False when leadership was lost."""
        log.info("leading (term %d, %s)", term, self._me)
        work = asyncio.ensure_future(self._lead(term))
        try:
            while self.is_leader() and self.term == term:
                await asyncio.wait({work}, timeout=min(self._timing.retry, self._left()))
                if work.done():
                    break
                if self.is_leader():
                    await self._attempt()
        finally:
            held = self.is_leader() and self.term == term
            self._valid_until = 0.0  # from here on no write of ours passes is_leader()
            ended = work.done()
            work.cancel()
            await asyncio.wait({work})
            if held:  # after `lead` has ended: its last writes are not to meet a successor's
                await self._release(term)
        if not work.cancelled():
            work.result()  # raises what `lead` raised, also while it was being cancelled
        if not ended:
            log.warning("no longer leading (term %d): %s", term, f"{self.leader or 'nobody'} leads")
        return ended

    def _left(self) -> float:
        return max(0.0, self._valid_until - self._clock())

    async def _attempt(self) -> bool:
        """One try to take or to renew; True if we lead now. Only NamespaceMissing gets out of it."""
        patience = self._timing.retry * 1.5
        try:
            # While we lead, not beyond the end of it: `lead` has to be cancelled in time.
            async with asyncio.timeout(min(patience, self._left()) if self.is_leader() else patience):
                await self._take()
        except NamespaceMissing:
            raise
        except (KubeError, TimeoutError) as e:
            self._version = None  # whether our write was carried out is for the next reading to say
            if not isinstance(e, Conflict):  # another was quicker: normal
                self._complain(str(e) or f"no answer within {patience:g} s")
        else:
            self._complaint = ("", 0.0)
        return self.is_leader()

    async def _take(self) -> None:
        sent = self._clock()
        if self._version is None and not await self._read():
            return
        resumed = self.is_leader()
        term = self.term if resumed else self._next_term()
        if not resumed:
            self._acquired = _now()
        renewed = _now()
        spec = {
            "holderIdentity": self._me,
            "leaseDurationSeconds": math.ceil(self._timing.duration),  # whole seconds; never less than we rely on
            "acquireTime": self._acquired,
            "renewTime": renewed,
            "leaseTransitions": term,
        }
        lease = await self._write(spec)
        self._version = lease["metadata"]["resourceVersion"]
        self.term = term
        self._seen = _Seen(self._me, renewed, term, self._timing.duration, self._clock())
        self._valid_until = sent + self._timing.deadline

    async def _read(self) -> bool:
        """Reads the Lease; True if it is ours to write: nobody's, our own, not there, or expired."""
        try:
            lease = await self._client.get(paths.one(paths.ELECTIONS, self._name, self._namespace))
        except NotFound:
            self._version = ""
            return True
        self._version = None
        now = self._clock()
        found = _seen(lease, now, self._timing.duration)
        if self._seen is None or _changed(self._seen, found):
            if found.holder not in (self._me, self.leader):
                log.info("standing by: %s leads (term %d)", found.holder or "nobody", found.term)
            self._seen = found
        if found.holder and not (found.holder == self._me and (not self.is_leader() or found.term == self.term)):
            self._valid_until = 0.0  # somebody else leads: stop at once
            if now < self._seen.at + self._seen.duration:
                return False
        self._version = lease["metadata"]["resourceVersion"]
        return True

    def _next_term(self) -> int:
        # Also above our own last one: whoever deletes the Lease does not turn the terms back.
        known = [seen.term for seen in (self._seen,) if seen] + ([self.term] if self._acquired else [])
        return max(known, default=-1) + 1

    async def _write(self, spec: dict[str, Any]) -> dict[str, Any]:
        if self._version:
            body: dict[str, Any] = {"metadata": {"resourceVersion": self._version}, "spec": spec}
            return await self._client.merge_patch(paths.one(paths.ELECTIONS, self._name, self._namespace), body)
        body = {
            "apiVersion": paths.ELECTIONS.api_version,
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": spec,
        }
        try:
            return await self._client.create(paths.collection(paths.ELECTIONS, self._namespace), body)
        except NotFound as e:
            raise NamespaceMissing(
                f"the namespace {self._namespace!r} for the election Lease {self._name!r} is not there; "
                f"create it (kubectl create namespace {self._namespace}) or choose another with --namespace",
                status=e.status,
                reason=e.reason,
                body=e.body,
            ) from e

    async def _release(self, term: int) -> None:
        """Hands the Lease back: the next leader need not wait for it to expire. Failing costs only that wait."""
        spec = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
        try:
            async with asyncio.timeout(self._timing.retry * 1.5):
                if self._version is None:  # our last renewal has an unknown outcome
                    lease = await self._client.get(paths.one(paths.ELECTIONS, self._name, self._namespace))
                    found = _seen(lease, 0.0, 0.0)
                    if (found.holder, found.term) != (self._me, term):
                        return
                    self._version = lease["metadata"]["resourceVersion"]
                await self._write(spec)
        except (KubeError, TimeoutError) as e:
            log.warning("the election Lease could not be handed back, it expires by itself: %s", str(e) or "no answer")
            return
        finally:
            self._version = None
        log.info("handed leadership back (term %d)", term)

    def _complain(self, text: str) -> None:
        said, at = self._complaint
        if text != said or self._clock() >= at + SAME_COMPLAINT_SECONDS:
            log.warning("election Lease %s/%s: %s", self._namespace, self._name, text)
            self._complaint = (text, self._clock())


def _seen(lease: Mapping[str, Any], at: float, duration: float) -> _Seen:
    """Reads a Lease that anybody may have edited: what is missing counts as not set."""
    spec = lease.get("spec") or {}
    return _Seen(
        holder=spec.get("holderIdentity") or "",
        renew_time=spec.get("renewTime") or "",
        term=spec.get("leaseTransitions") or 0,
        duration=float(spec.get("leaseDurationSeconds") or duration),
        at=at,
    )


def _changed(a: _Seen, b: _Seen) -> bool:
    return (a.holder, a.renew_time, a.term, a.duration) != (b.holder, b.renew_time, b.term, b.duration)


def _now() -> str:
    """For the record only, nobody compares it: a MicroTime in UTC."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
