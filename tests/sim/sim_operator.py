"""One operator process: a ledger, an inbox of events, and calls in flight. What each step does is the controller's
code.

Nothing happens by itself: every event that arrives, every call that reaches the server and every answer that comes back
is a step that somebody takes. So a decision may be old when it lands, an answer may be lost, and a process may freeze
between any two lines, simply by not being asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lessor.controller import outcome
from lessor.core import actions as a
from lessor.core import decide as deciding
from lessor.core.ledger import KINDS, Ledger
from lessor.core.model import HolderGroup, HolderKey, Now
from lessor.kube import calls
from lessor.kube.calls import Call
from lessor.kube.errors import KubeError, NotFound
from lessor.kube.holders import holder_facts

from .api import Event, Key, Server
from .invariants import Violation

READS = (a.LookAtLease, a.LookAtPool, a.LookAtHolder, a.ListLeases)
_COLLECTIONS = {kind: f"/apis/lessor.dev/v1alpha1/{kind.lower()}s" for kind in KINDS}
PODS = HolderGroup("v1", "Pod", "ci")
_PODS = "/api/v1/namespaces/ci/pods"


@dataclass(slots=True, eq=False)
class Flight:
    """A call on its way: decided, then carried out by the server (`landed`), then answered.

    `looking`: the call failed or its answer was lost, and its object is read again. `action` None: a LIST of the
    whole kind `kind`, begun at `tick`."""

    action: a.Action | None
    call: Call
    sent: float  # Now.mono
    kind: str = ""
    tick: int = 0
    looking: bool = False
    landed: bool = False
    answer: Any = None
    error: KubeError | None = None

    @property
    def writes(self) -> bool:
        return self.call.verb not in ("get", "list")

    def __str__(self) -> str:
        what = type(self.action).__name__ if self.action is not None else f"List{self.kind}"
        about = "look at " if self.looking else ""
        where = self.call.path.rpartition("/")[2]
        return f"{about}{what} {where}{' (landed)' if self.landed else ''}"


@dataclass(slots=True)
class Operator:
    """`inbox`: per object the events that were sent and not delivered. `flights`: in the order of their decision."""

    name: str
    server: Server
    clock: Callable[[], Now]
    say: Callable[[str], None]
    ledger: Ledger = field(default_factory=Ledger)
    inbox: dict[Key, deque[Event]] = field(default_factory=dict)
    flights: list[Flight] = field(default_factory=list)
    orphans: list[Flight] = field(default_factory=list)  # sent by a process that died, or whose answer nobody awaits
    to_list: list[str] = field(default_factory=list)  # kinds still to be listed in this round
    begins: bool = True  # until the first LISTs are answered: then it decides about everything once
    wake_at: float | None = None
    connected: bool = False  # it hears the API server as time passes; without that nothing ever expires
    watching: bool = False  # the pods that Leases name

    def __post_init__(self) -> None:
        self.server.watchers.append(self._hear)
        self.start()

    # -- life

    def start(self) -> None:
        """A new process: an empty ledger. Its watches begin with a line for each object that there is."""
        self.ledger, self.begins, self.wake_at, self.watching = Ledger(), True, None, False
        self.hear_the_server()
        self.inbox = {key: deque([Event("", key, body)]) for key, body in self.server.objects.items()}
        self.relist()

    def die(self) -> None:
        """What was sent may still be carried out; nobody hears the answer."""
        self.orphans += [flight for flight in self.flights if flight.writes and not flight.landed]
        self.flights, self.to_list = [], []
        self.start()

    def lead_again(self) -> None:
        """Leadership was lost and won anew: the ledger stays, what is in flight is given up, all is listed first."""
        self.orphans += [flight for flight in self.flights if flight.writes and not flight.landed]
        for flight in self.flights:
            if flight.action is not None:
                self.ledger.settled(flight.action)
        self.flights, self.to_list, self.begins = [], [], True
        self.relist()

    def hear_the_server(self) -> None:
        """Any answer: it is there, and its clock is told with it, in whole seconds."""
        if self.connected:
            mono = self.clock().mono
            self.ledger.observe_contact(mono)
            self.ledger.observe_server_clock(float(int(self.server.now)), mono)

    # -- events

    def _hear(self, event: Event) -> None:
        self.inbox.setdefault(event.key, deque()).append(event)

    def waiting_events(self) -> list[Key]:
        return [key for key, events in self.inbox.items() if events]

    def deliver(self, key: Key) -> None:
        """The next event of one object. kopf keeps the order of one object and none between objects."""
        event = self.inbox[key].popleft()
        if not self.inbox[key]:
            del self.inbox[key]
        self.handle(event)

    def miss(self, key: Key) -> Event:
        event = self.inbox[key].popleft()
        if not self.inbox[key]:
            del self.inbox[key]
        return event

    def handle(self, event: Event) -> None:
        """`controller.handlers`, and the watch of the pods."""
        if event.key[0] == "Pod":
            gone = event.type == "DELETED"
            self.ledger.holders.seen(HolderKey(*PODS, event.key[2]), None if gone else holder_facts(event.body))
        elif event.type == "DELETED":
            outcome.deleted(self.ledger, event.key[0], event.body)
        else:
            outcome.observe(self.ledger, event.key[0], event.body)

    def hear_all(self) -> None:
        while keys := self.waiting_events():
            for key in keys:
                self.deliver(key)

    # -- lists

    def relist(self) -> None:
        """`controller.main.relist`: Pools, Resources, Leases, one after the other."""
        if not self.to_list:
            self.to_list = list(KINDS)
            self._list_next()

    def watch(self) -> None:
        """Begins to watch the pods, if a Lease names one, or lists them again."""
        if PODS in self.ledger.holders.groups and not any(flight.kind == "Pod" for flight in self.flights):
            self.watching = True
            self.flights.append(Flight(None, Call("list", _PODS), self.clock().mono, "Pod"))

    def _list_next(self) -> None:
        kind = self.to_list[0]
        call = Call("list", _COLLECTIONS[kind])
        self.flights.append(Flight(None, call, self.clock().mono, kind, self.ledger.tick))

    # -- decisions and their calls

    def has_something_to_decide(self) -> bool:
        """Whether its loop would have been woken."""
        at = self.ledger.timers.next
        ledger, due = self.ledger, at is not None and at <= self.clock().mono
        dirty = (
            ledger.dirty_leases,
            ledger.dirty_resources,
            ledger.dirty_pools,
            ledger.dirty_stock,
            ledger.dirty_counts,
        )
        return ledger.ready and not self.begins and (due or any(dirty))

    def decide(self) -> list[Flight]:
        if self.begins:
            return []
        now = self.clock()
        decision = deciding.decide(self.ledger, now)
        self.wake_at = decision.wake_at
        on_their_way = {flight.action.key for flight in self.flights if flight.action is not None}
        for action in decision.actions:
            if action.key in on_their_way:
                raise Violation(f"{self.name} asks for {action}, and the answer about that object is not there yet")
            on_their_way.add(action.key)
        sent = [Flight(action, _call_for(action, now.wall), now.mono) for action in decision.actions]
        self.flights += sent
        return sent

    def land(self, flight: Flight) -> None:
        assert not flight.landed
        flight.landed = True
        try:
            flight.answer = self.server.carry_out(flight.call)
        except KubeError as e:
            flight.error = e

    def lose(self, flight: Flight) -> None:
        """The connection breaks. A call that was on its way may be carried out later all the same."""
        if flight.writes and not flight.landed:
            self.orphans.append(Flight(flight.action, flight.call, flight.sent))
        self._look(flight)

    def hear(self, flight: Flight) -> None:
        """The answer comes back: `controller.writer`."""
        assert flight.landed
        action, now = flight.action, self.clock().mono
        if action is None:
            self.flights.remove(flight)
            self._listed(flight)
        elif flight.error is None or isinstance(flight.error, NotFound):
            self.flights.remove(flight)
            if flight.error is not None:
                outcome.not_there(self.ledger, action, flight.sent)
            elif flight.looking:
                outcome.found(self.ledger, action, flight.answer)
            else:
                outcome.succeeded(self.ledger, action, flight.answer, flight.sent)
        else:
            self._look(flight)
        assert now >= flight.sent

    def _look(self, flight: Flight) -> None:
        """`controller.writer._look_again`: nothing is decided about the object before it was read."""
        action = flight.action
        if action is None:
            self.flights.remove(flight)
            if flight.kind == "Pod":
                self.watching = False
            else:
                self._list_next()  # the resync fails, and comes again
        elif isinstance(action, READS):
            self.flights.remove(flight)
            self.ledger.settled(action)
        else:
            flight.call, flight.looking = Call("get", calls.path_of(action)), True
            flight.landed, flight.answer, flight.error = False, None, None

    def _listed(self, flight: Flight) -> None:
        bodies, version = flight.answer
        if flight.kind == "Pod":
            self._listed_pods(bodies, version)
            return
        outcome.observe_list(self.ledger, flight.kind, bodies, version, flight.tick)
        self.to_list.pop(0)
        if self.to_list:
            self._list_next()
        elif self.begins:
            self.begins = False
            self.ledger.touch_everything()

    def _listed_pods(self, bodies: list[Any], version: int) -> None:
        """The watch goes on from this version: what is older never comes."""
        self.ledger.holders.listed(PODS, {body["metadata"]["name"]: holder_facts(body) for body in bodies})
        for key in [key for key in self.inbox if key[0] == "Pod"]:
            later = deque(event for event in self.inbox.pop(key) if event.version > version)
            if later:
                self.inbox[key] = later

    # -- several steps at once

    def answer_all(self) -> None:
        """Everything in flight is carried out and answered, the oldest first."""
        while self.flights:
            flight = self.flights[0]
            if not flight.landed:
                self.land(flight)
            self.hear(flight)

    def work(self) -> bool:
        """One fair round: all events, all answers, one decision. Whether anything was there to do."""
        busy = bool(self.flights or self.inbox)
        self.hear_all()
        if not self.watching:
            self.watch()
        self.answer_all()
        self.hear_all()
        return bool(self.decide()) or busy


def _call_for(action: a.Action, at: float) -> Call:
    if isinstance(action, a.LookAtHolder):
        return Call("get", f"{_PODS}/{action.about.name}")
    return calls.call_for(action, at)
