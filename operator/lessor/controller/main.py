"""The operator process: wires ledger, loop, writer, kopf, election and health, and ends in the right order.

Both replicas watch and keep their ledger warm; only the leader decides. Leadership saves work, it is not what makes a
lease exclusive: each write is guarded by the version it was decided on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import aiohttp
import kopf

from lessor.api.names import API_VERSION, GROUP, KINDS, VERSION
from lessor.core import actions as a
from lessor.core.contact import OUTAGE_S
from lessor.core.ledger import Ledger
from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.credentials import load
from lessor.kube.election import Elector, NamespaceMissing, Timing, boot_seconds, new_identity
from lessor.kube.errors import AlreadyExists, KubeError, NotFound

from . import handlers, outcome
from .announcer import Announcer
from .clocks import clocks_of
from .collector import LedgerCollector
from .health import Health
from .loop import Loop
from .metrics import Metrics
from .surroundings import Surroundings
from .writer import Writer

log = logging.getLogger(__name__)

ELECTION = "lessor-operator"  # the coordination.k8s.io Lease that the leader holds
CRDS_WAIT_S = 60.0
DRAIN_S = 2.0  # for answers in flight when leadership ends
RELIST_S = 1.0  # after a list that failed
SETTLE_S = 0.2  # kopf lists kind by kind: one list of ours for all of them
CLOCK_EVERY_S = 60.0  # the API server's clock against ours
RELEASE_S = 3.0  # for giving leadership back at the end


class CannotStart(Exception):
    """What a person has to do before the operator can run, in one sentence."""


@dataclass(frozen=True)
class Settings:
    """What the command line says. Seconds; `namespace` is that of the election's Lease."""

    kubeconfig: str | None = None
    context: str | None = None
    listen_host: str = "127.0.0.1"
    listen_port: int = 0
    namespace: str = "lessor-system"
    make_namespace: bool = False
    timing: Timing = field(default_factory=Timing)
    writes_in_flight: int = 64
    resync: float = 300.0


class Operator:
    """One operator in one event loop. `run` returns after a signal or `stop`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self.metrics = Metrics()
        self.watches = handlers.Watches()
        self.clocks = clocks_of(self.ledger.contact)
        self.loop = Loop(self.ledger, self.metrics, self.clocks)
        # A leader renews each retry period; what renews more rarely must not take that for an outage.
        self.ledger.contact.outage = max(OUTAGE_S, 3 * settings.timing.retry)
        self.metrics.registry.register(LedgerCollector(self.ledger, self._leads, self.clocks))
        self.stopping = asyncio.Event()
        self.port = 0
        self._client: Client | None = None
        self._elector: Elector | None = None
        self._writer: Writer | None = None
        self._surroundings: Surroundings | None = None
        self._clock_told = 0.0  # when the server's clock was read last

    def stop(self) -> None:
        self.stopping.set()

    async def run(self) -> None:
        """Raises CannotStart, or KubeError when the cluster can't be used."""
        credentials = await asyncio.to_thread(load, self.settings.kubeconfig, self.settings.context)
        log.info("using %s at %s", credentials.origin, credentials.server)
        session = credentials.session(
            connections=16,
            timeout=aiohttp.ClientTimeout(total=None, connect=3),
            middlewares=(self.watches.middleware,),
        )
        health = Health(self.metrics.registry, self.ready)
        async with (
            Client(credentials, answered=self._answered) as client,
            Client(credentials, connections=0) as watching,  # each watch takes one for as long as it lasts
        ):
            self._client = client
            self._surroundings = Surroundings(self.ledger, self.loop.wake, client, watching)
            try:
                await _wait_for_crds(client)
                self._elector = await self._election(client)
                self.port = await health.start(self.settings.listen_host, self.settings.listen_port)
                print(f"lessor operator listens on http://{self.settings.listen_host}:{self.port}", flush=True)
                registry = handlers.registry(self.ledger, self._wake, self.metrics, self.clocks, credentials, session)
                await self._serve(registry, self._elector, client, self._surroundings)
            finally:
                await health.stop()
                await session.close()

    def _wake(self) -> None:
        if self._surroundings is not None:
            self._surroundings.refresh()
        self.loop.wake()

    def _leads(self) -> bool:
        return self._elector is not None and self._elector.is_leader()

    def _is_writing(self) -> bool:
        return self._writer is not None and self._writer.in_flight > 0

    def _answered(self, date: str | None) -> None:
        """An answer of the API server, with its clock: neither the clients' clocks nor ours decide what is overdue."""
        mono = boot_seconds()
        self.ledger.observe_contact(mono)
        if date is not None and mono - self._clock_told > CLOCK_EVERY_S:
            self._clock_told = mono
            self.ledger.observe_server_clock(parsedate_to_datetime(date).timestamp(), mono)

    async def _serve(
        self, registry: kopf.OperatorRegistry, elector: Elector, client: Client, surroundings: Surroundings
    ) -> None:
        """Ours first, kopf last: at its end kopf cancels every task that was born after it."""
        ready, stop = asyncio.Event(), asyncio.Event()
        announcer = Announcer(self.ledger, client, self._leads, self._is_writing, self.clocks)

        def written(action: a.Action, wall: float) -> None:
            self.metrics.written(action, wall, self.ledger.pools)
            announcer.written(action, wall)

        self._writer = Writer(
            client,
            self.ledger,
            self.metrics,
            may_write=elector.is_leader,
            wake=self._wake,
            look_at_holder=surroundings.look,
            written=written,
            clocks=self.clocks,
            in_flight_max=self.settings.writes_in_flight,
        )
        resync = asyncio.create_task(self._resync(client), name="resync")
        campaign = asyncio.create_task(elector.run(), name="election")
        around = asyncio.create_task(surroundings.run(), name="the watch over namespaces")
        watching = asyncio.create_task(
            kopf.operator(
                registry=registry, settings=handlers.settings(), clusterwide=True, ready_flag=ready, stop_flag=stop
            ),
            name="kopf",
        )
        await asyncio.wait({asyncio.create_task(ready.wait()), watching}, return_when=asyncio.FIRST_COMPLETED)
        self._take_signals()
        stopped = asyncio.create_task(self.stopping.wait(), name="stop")
        announcing = asyncio.create_task(announcer.run(), name="events")
        try:
            ending = {watching, campaign, stopped, resync, around, announcing}
            done, _ = await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # First the grants end, then leadership is given back, then the watches go.
            await _end(campaign, RELEASE_S)
            await _end(resync, 0.5)
            await _end(around, 0.5)
            await _end(announcing, 0.5)
            stop.set()
            await _end(watching, 10.0, cancel=False)
            stopped.cancel()
        for task in done - {stopped}:
            await task  # its exception, if it has one, ends the process: whoever started it starts it again
            raise CannotStart(f"{task.get_name()} has ended; the process must be started again")

    def _take_signals(self) -> None:
        """After kopf, which takes them at its start and would cancel writes in flight."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self.stop)
            except (ValueError, RuntimeError):  # not in the main thread: a test
                return

    async def _election(self, client: Client) -> Elector:
        if self.settings.make_namespace:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.settings.namespace}}
            with contextlib.suppress(AlreadyExists):
                await client.create(paths.collection(paths.NAMESPACES), body)
        try:
            await client.get(paths.one(paths.NAMESPACES, self.settings.namespace))
        except NotFound:
            raise NamespaceMissing(
                f"there is no namespace {self.settings.namespace} for the leader election: "
                f"kubectl create namespace {self.settings.namespace}, or give --namespace",
                status=404,
            ) from None
        return Elector(
            client,
            namespace=self.settings.namespace,
            name=ELECTION,
            identity=new_identity(),
            lead=self._lead,
            timing=self.settings.timing,
        )

    async def _lead(self, term: int) -> None:
        """From winning leadership to losing it: a list of everything, then decisions."""
        assert self._writer is not None and self._client is not None
        log.info("leading, term %d", term)
        self.metrics.leader.set(1)
        try:
            await self._first_list(self._client)
            self.ledger.touch_everything()
            await self.loop.run(self._writer)
        finally:
            self.metrics.leader.set(0)
            self._writer.drop()
            await self._writer.drained(DRAIN_S)

    async def _first_list(self, client: Client) -> None:
        """Until it succeeds, or leadership is lost: an API server that starts, or that has just been given our CRDs,
        answers "storage is (re)initializing" for a moment."""
        while True:
            try:
                return await self.relist(client)
            except KubeError as e:
                log.warning("can't list yet: %s; trying again", e)
                await asyncio.sleep(0.2)

    async def _resync(self, client: Client) -> None:
        """Lists everything after each listing of kopf's, and now and then: it heals what kopf may lose, standby or not.

        kopf lists at its start, and when the API server has no history for it (410, after a restart). Of what was
        deleted before that it tells nothing: such leases would hold, and head the queue, until the next list."""
        wait = self.settings.resync
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self.watches.listed.wait()
                await asyncio.sleep(SETTLE_S)
            self.watches.listed.clear()
            try:
                await self.relist(client)
                wait = self.settings.resync
            except KubeError as e:
                log.warning("resync: %s", e)
                wait = min(RELIST_S, self.settings.resync)
            if not self._leads():
                self.ledger.rest()
            self._wake()

    async def relist(self, client: Client) -> None:
        """LISTs of every kind, Leases last: who is Bound is known after every Resource that might lack a state."""
        begun = time.monotonic()
        for kind, where in ((a.POOL, paths.POOLS), (a.RESOURCE, paths.RESOURCES), (a.LEASE, paths.LEASES)):
            tick = self.ledger.tick
            bodies, version = await client.list(paths.collection(where))
            outcome.observe_list(self.ledger, kind, bodies, version, tick)
        self.metrics.resync_seconds.observe(time.monotonic() - begun)
        if self.ledger.restored:
            log.critical(RESTORED)

    def ready(self) -> tuple[bool, list[str]]:
        """For /readyz: all listed, every watch heard, nothing restored behind our back."""
        wrong = []
        if not self.ledger.ready:
            wrong.append(RESTORED if self.ledger.restored else "not everything is listed yet")
        wrong += [f"the watch over {plural} is silent" for plural in self.watches.silent(time.monotonic())]
        return not wrong, wrong


RESTORED = (
    "the API server's lists are older than what was seen: etcd was restored from a backup. Nothing is granted now: "
    "compare `kubectl get rsc` with what runs, then restart the operator"
)


async def _wait_for_crds(client: Client) -> None:
    """kopf would give up on a kind that is not served yet. Raises CannotStart after a minute."""
    until = time.monotonic() + CRDS_WAIT_S
    told = False
    while True:
        try:
            served = await client.get(f"/apis/{GROUP}/{VERSION}")
        except NotFound:
            served = {}
        missing = {kind.plural for kind in KINDS} - {r["name"] for r in served.get("resources", ())}
        if not missing:
            return
        what = f"{', '.join(sorted(missing))} of {API_VERSION} are not served"
        if time.monotonic() > until:
            raise CannotStart(f"{what}: install the CRDs first, kubectl apply --server-side -f crds/")
        if not told:
            log.warning("%s; waiting up to %.0f s for the CRDs", what, CRDS_WAIT_S)
            told = True
        await asyncio.sleep(0.5)


async def _end(task: asyncio.Task[None], timeout: float, *, cancel: bool = True) -> None:
    if cancel:
        task.cancel()
    if not task.done():
        await asyncio.wait({task}, timeout=timeout)
    if not task.done():
        task.cancel()
