"""The whole: a server with its judge, operators, people, and a clock that only moves when somebody moves it.

Every method is one step, and all that happens is written down in words (`story`), so a failure reads as a trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lessor.core.model import Now

from .api import Event, Key, Server
from .invariants import Judge, Violation
from .people import People
from .reaped import Witness
from .sim_operator import PODS, Flight, Operator

WALL = 1_800_000_000.0  # when every world begins, seconds since the epoch
ROUNDS_MAX = 100  # fair rounds until everything is at rest; more is a loop that never ends
TIMED_ROUNDS_MAX = 2000  # the same where time has a meaning: each deadline wakes somebody
HEARD_EVERY_S = 2.0  # the API server, by who is connected
RENEW_EVERY_S = 20.0  # a third of the shortest term
REST_S = 2500.0  # longer than any term, with the slack between clocks: by then who is dead has lost what it had


@dataclass
class World:
    operators: list[Operator] = field(default_factory=list)
    story: list[str | Event] = field(default_factory=list)
    mono: float = 5000.0
    timed: bool = False  # operators hear the API server, and clients renew, as time passes
    rested_from: float = 0.0  # when the last rest began, by the server's clock

    def __post_init__(self) -> None:
        self.server = Server(WALL)
        self.judge = Judge(self.server)
        self.witness = Witness(self.server)
        self.people = People(self.server, self.say)
        self.server.watchers.append(self._record)

    def _record(self, event: Event) -> None:
        if not self.people.renewing:
            self.story.append(event)

    def say(self, words: str) -> None:
        self.story.append(words)

    def clock(self) -> Now:
        return Now(self.server.now, self.mono)

    def wait(self, seconds: float) -> None:
        self.say(f"{seconds:g} s pass")
        self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        while self.timed and seconds > HEARD_EVERY_S:
            self._tick(HEARD_EVERY_S)
            seconds -= HEARD_EVERY_S
        self._tick(seconds)

    def _tick(self, seconds: float) -> None:
        before = self.server.now
        self.server.now += seconds
        self.mono += seconds
        for op in self.operators:
            op.hear_the_server()
        if before // RENEW_EVERY_S != self.server.now // RENEW_EVERY_S:
            self.people.clients_renew()

    def operator(self, name: str) -> Operator:
        """Another process of the operator, from now on."""
        made = Operator(name, self.server, self.clock, self.say, connected=self.timed)
        self.operators.append(made)
        return made

    # -- steps of the operators, in words

    def decide(self, op: Operator) -> list[Flight]:
        flights = op.decide()
        self.say(f"{op.name} decides: {', '.join(map(str, flights)) or 'nothing'}")
        return flights

    def land(self, op: Operator, flight: Flight) -> None:
        if flight in op.orphans:
            op.orphans.remove(flight)
        op.land(flight)
        self.say(f"{op.name}: {flight}: {_result(flight)}")

    def hear(self, op: Operator, flight: Flight) -> None:
        self.say(f"{op.name} hears: {flight}")
        op.hear(flight)

    def lose(self, op: Operator, flight: Flight) -> None:
        self.say(f"{op.name} gets no answer: {flight}")
        op.lose(flight)

    def work(self, op: Operator) -> None:
        """A fair round of one operator, in which nothing is late or lost."""
        self.say(f"{op.name} works")
        op.work()

    def see_all(self, op: Operator) -> None:
        self.say(f"{op.name} sees all that happened")
        op.hear_all()

    def see(self, op: Operator, key: Key) -> None:
        self.say(f"{op.name} sees the next of {key[2]}")
        op.deliver(key)

    def miss(self, op: Operator, key: Key) -> None:
        """An event that never comes: a deletion during a 410, an exception in a handler."""
        self.say(f"{op.name} misses the next of {key[2]}: {op.miss(key).type}")

    def see_again(self, op: Operator, event: Event) -> None:
        """An old event comes again, as after a listing that was slow."""
        self.say(f"{op.name} sees again {event.type} {event.key[2]} @{event.version}")
        op.handle(event)

    def relist(self, op: Operator) -> None:
        self.say(f"{op.name} begins to list everything")
        op.relist()

    def lead_again(self, op: Operator) -> None:
        self.say(f"{op.name} loses its leadership and wins it again")
        op.lead_again()

    def die(self, op: Operator) -> None:
        self.say(f"{op.name} dies, and another starts")
        op.die()

    def look_at_pods(self, op: Operator) -> None:
        self.say(f"{op.name} lists the pods (again)")
        op.watch()

    def blind(self, op: Operator) -> None:
        self.say(f"{op.name} may not look at pods any more")
        self.witness.blinded = True
        op.ledger.holders.blind(PODS, "Forbidden", "it may not list pods")

    def cut_off(self, op: Operator, cut: bool) -> None:
        self.say(f"{op.name} {'hears nothing of the API server any more' if cut else 'hears the API server again'}")
        op.connected = self.timed and not cut
        op.hear_the_server()

    # -- rest

    def rest(self, ops: Sequence[Operator] | None = None, *, wait: bool = True) -> None:
        """`ops` (all) list everything once more and run fairly until nothing changes. What others have in flight stays.
        Where time has a meaning it ends after REST_S: who lives renews for ever. `wait`: else no time passes at all.

        Raises Violation if that does not end."""
        ops = self.operators if ops is None else ops
        for op in ops:
            op.answer_all()  # a list that was begun long ago ends first
            op.relist()
            if self.timed:
                self.cut_off(op, False)
                op.watch()
        until = self.mono + REST_S * wait
        self.rested_from = self.server.now if wait else self.rested_from
        for _ in range(TIMED_ROUNDS_MAX if self.timed else ROUNDS_MAX):
            if any([op.work() for op in ops]):
                continue
            wakes = [op.wake_at for op in ops if op.wake_at is not None]
            if not wakes or (self.timed and self.mono >= until):
                self.say("at rest")
                return
            self._pass(max(0.0, min(*wakes, *([until] if self.timed else wakes)) - self.mono))
        flights = [str(flight) for op in ops for flight in op.flights]
        raise Violation(f"it does not come to rest; in flight are {flights}")

    def tell(self) -> str:
        """All that happened, one line each; indented what was written."""
        return "\n".join(line if isinstance(line, str) else _written(line) for line in self.story)


def _result(flight: Flight) -> str:
    return type(flight.error).__name__ if flight.error is not None else "ok"


def _written(event: Event) -> str:
    status = event.body.get("status") or {}
    shown = {name: status[name] for name in ("state", "holder", "epoch", "attempt") if name in status}
    if "holder" in shown:
        shown["holder"] = f"{shown['holder']['uid']}@{shown['holder'].get('attempt')}"
    if "resources" in status:
        shown["resources"] = [entry["name"] for entry in status["resources"]]
    words = " ".join(f"{name}={value}" for name, value in shown.items())
    deleting = " deleting" if "deletionTimestamp" in event.body["metadata"] else ""
    return f"    {event.type} {event.body['metadata']['uid']} @{event.version}{deleting} {words}".rstrip()


def in_flight(op: Operator, kind: type, about: str = "") -> Flight:
    """The one call in flight of an action's type, about an object of that name."""
    found = [f for f in op.flights if isinstance(f.action, kind) and f.call.path.endswith(about) and not f.looking]
    assert len(found) == 1, f"{kind.__name__} {about}: {[str(f) for f in op.flights]}"
    return found[0]
