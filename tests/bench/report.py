"""The table: what was measured, what it is as a ratio, and the figure it must reach (issues 4 and 5)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from . import long_line as lines
from .figures import Table, median, ms, percentile, spread, times
from .holders import Fleet, Rest
from .machine import Requests
from .restart import Restart, Size
from .rounds import CLIENTS, FEW, Count, Found

READY_RAW_WRITES_MAX = 5.0
RATE_SHARE_MIN = 0.60
HANDED_OVER_P99_MAX = 0.100
FIRST_GRANT_MAX = 3.0
WRITES = 5  # create, claim, bind, delete, free; at a hand-over free and claim are one, and a waiting lease is told
POD_ENDED_P99_MAX = 1.0
LONG_SHARE_MIN = 0.80
RESIDENT_MB_MAX = 200
IDLE_SHARE_MAX = 0.02
DECISION_MAX = 0.002
DECISION_GROWTH_MAX = 1.5


def decisions(table: Table, found: dict[str, list[float]]) -> None:
    table.head("A decision, in process (those that ask for something; observing and answering is not in it)")
    p50 = {name: median(of) for name, of in found.items()}
    for name, of in found.items():
        value = f"p50 {ms(p50[name])}  p99 {ms(percentile(of, 99))}"
        judged = name == "large"
        table.add(
            DECISION_WORLDS[name],
            value,
            times(p50[name] / p50["small"]),
            "p50 under 2 ms, at most 1.5 x" if judged else "",
            (p50[name] < DECISION_MAX and p50[name] <= DECISION_GROWTH_MAX * p50["small"]) if judged else None,
        )


DECISION_WORLDS = {
    "small": "100 resources in 5 pools, 20 waiting",
    "large": "10,000 resources in 250 pools, 1,000 waiting",
    "fat": "10,000 resources in 5 pools, 20 waiting",
}


def cycles(table: Table, found: Found, count: Count) -> None:
    _raw(table, found)
    _alone(table, found)
    _many(table, found, count)
    _handed_over(table, found, count)
    _pod_ended(table, found)


def _raw(table: Table, found: Found) -> None:
    table.head("The API server alone: one plain client makes the writes of a cycle itself")
    table.add("a raw write (median)", ms(median(found.raw_write)), f"rounds {spread(_ms(found.raw_write))}")
    table.add("raw cycles, 1 client", f"{median(found.raw_alone):.0f}/s", f"rounds {spread(found.raw_alone, '{:.0f}')}")
    rates = spread(found.raw_many, "{:.0f}")
    table.add(f"raw cycles, {CLIENTS} clients", f"{median(found.raw_many):.0f}/s", f"rounds {rates}")
    table.add("  processor time per cycle", _cpu(found.cpu["raw"]))


def _alone(table: Table, found: Found) -> None:
    table.head("One client, nothing else going on")
    ratio = median([ours / raw for ours, raw in zip(found.ready_p50, found.raw_write, strict=True)])
    table.add(
        "create -> Ready seen, p50",
        ms(median(found.ready)),
        f"{ratio:.2f} raw writes",
        "under 5 raw writes",
        ratio < READY_RAW_WRITES_MAX,
    )
    table.add("create -> Ready seen, p99", ms(percentile(found.ready, 99)))
    p99 = percentile(found.freed, 99)
    table.add("delete -> resource seen free", f"p50 {ms(median(found.freed))}  p99 {ms(p99)}")
    _writes(table, "API writes per cycle", found.requests["alone"], len(found.ready), WRITES)
    table.add("  processor time per cycle", _cpu(found.cpu["alone"]))


def _many(table: Table, found: Found, count: Count) -> None:
    table.head(f"{CLIENTS} clients that create, wait, delete")
    shares = [ours / raw for ours, raw in zip(found.many, found.raw_many, strict=True)]
    table.add(
        "cycles, resources for all",
        f"{median(found.many):.0f}/s",
        f"{median(shares):.0%} of raw, rounds {spread(shares)}",
        "at least 60 % of raw",
        median(shares) >= RATE_SHARE_MIN,
    )
    _writes(table, "API writes per cycle", found.requests["many"], count.many * count.rounds, WRITES)
    table.add("  processor time per cycle", _cpu(found.cpu["many"]))
    table.add(
        f"cycles, {FEW} resources",
        f"{median(found.narrow):.0f}/s",
        f"each resource passed on in {ms(FEW / median(found.narrow))}",
    )


def _handed_over(table: Table, found: Found, count: Count) -> None:
    table.head("A holder deletes its lease, the next one waits (one client, one resource)")
    p99 = percentile(found.handed_over, 99)
    table.add(
        "delete -> next Ready seen",
        f"p50 {ms(median(found.handed_over))}  p99 {ms(p99)}",
        f"{median(found.handed_over) / median(found.raw_write):.2f} raw writes",
        "p99 under 100 ms",
        p99 < HANDED_OVER_P99_MAX,
    )
    # The first of a round is granted at once, the last one's resource is freed: one cycle more than hand-overs.
    writes = sum(of.writes("leases", "resources") for of in found.requests["handed over"])
    cycles = len(found.handed_over)
    per = (writes - WRITES * count.rounds) / cycles
    table.add("API writes per cycle", f"{per:.2f}", "", "4, and 1 for the wait", round(per, 1) <= WRITES)


def _pod_ended(table: Table, found: Found) -> None:
    table.head("The pod of a holder ends, the next one waits (one client, one resource)")
    p99 = percentile(found.pod_ended, 99)
    table.add(
        "pod succeeds -> next Ready seen",
        f"p50 {ms(median(found.pod_ended))}  p99 {ms(p99)}",
        f"{median(found.pod_ended) / median(found.raw_write):.2f} raw writes",
        "p99 under 1 s",
        p99 < POD_ENDED_P99_MAX,
    )


def long_line(table: Table, found: lines.Turnover, size: lines.Size) -> None:
    table.head(f"{lines.RESOURCES} resources, all held: each holder deletes at once, a new lease joins the queue")
    for order in (lines.ARRIVAL, lines.FAIR):
        usual = median(found.rates[size.short, order])
        for waiting in (size.short, size.long):
            rates = found.rates[waiting, order]
            long = waiting == size.long
            share, writes = median(rates) / usual, median(found.writes[waiting, order])
            table.add(
                f"cycles, {waiting:,} waiting, {order}",
                f"{median(rates):.0f}/s",
                f"{f'{share:.0%}; ' if long else ''}{writes:.2f} writes per cycle; rounds {spread(rates, '{:.0f}')}",
                f"at least 80 % of {size.short}" if long else "",
                share >= LONG_SHARE_MIN if long else None,
            )
            table.add("  processor time per cycle", _cpu(found.cpu[waiting, order]))


def fleet(table: Table, size: Fleet, found: Rest, idle_s: float) -> None:
    table.head(f"With {size}")
    resident, peak = found.resident / 1e6, found.peak / 1e6
    table.add(
        "memory of the operator",
        f"{resident:.0f} MB",
        f"at most {peak:.0f} MB since its start",
        "under 200 MB",
        resident < RESIDENT_MB_MAX,
    )
    table.add(
        f"processor in {idle_s:.0f} s of rest",
        f"{found.share:.2%}",
        "of one",
        "under 2 %",
        found.share < IDLE_SHARE_MAX,
    )


def large(table: Table, size: Size, restarts: Sequence[Restart], written: int, rest_s: float) -> None:
    table.head(f"With {size}")
    slowest = max(of.start for of in restarts)
    table.add(
        "process start -> first Ready seen",
        f"{slowest:.2f} s",
        f"all {spread([of.start for of in restarts])}",
        "within 3 s",
        slowest < FIRST_GRANT_MAX,
    )
    whole = max(of.stop + of.start for of in restarts)
    table.add("SIGTERM -> gone", f"{max(of.stop for of in restarts):.2f} s", f"and to the first Ready {whole:.2f} s")
    table.add(f"writes in {rest_s:.0f} s of rest", str(written), "listed again every 5 s", "none", written == 0)


def _writes(table: Table, what: str, requests: Sequence[Requests], cycles: int, most: int) -> None:
    per = sum(of.writes("leases", "resources") for of in requests) / cycles
    pools, conflicts = sum(of.writes("pools") for of in requests), sum(of.conflicts() for of in requests)
    reads = sum(of.reads() for of in requests) / cycles
    notes = f"{reads:.2f} reads; in all {pools} writes to pools, {conflicts} conflicts"
    table.add(what, f"{per:.2f}", notes, str(most), round(per, 1) <= most)


def _ms(seconds: Sequence[float]) -> list[float]:
    return [value * 1e3 for value in seconds]


def _cpu(rounds: Sequence[dict[str, float]]) -> str:
    return ", ".join(f"{name} {median([of[name] for of in rounds]):.1f}" for name in rounds[0]) + " ms"


def conditions(load_before: float, seconds: float, *, short: bool) -> str:
    kind = "short form: too few samples to judge by" if short else "full form"
    return (
        f"{kind}; {os.cpu_count()} processors for the API server, etcd, the operator and the clients together; "
        f"load average {load_before:.1f} before it began; took {seconds:.0f} s\n"
        "etcd runs without fsync, so absolute times are better than a real cluster's; the ratios are what to compare"
    )


def verdict(table: Table, *, fails: bool) -> int:
    missed = table.missed
    if not missed:
        print("\nevery figure is reached")
        return 0
    print(f"\n{len(missed)} figures are missed: " + "; ".join(line.what.strip() for line in missed))
    return 1 if fails else 0
