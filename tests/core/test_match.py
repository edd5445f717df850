"""Matching is exact: against brute force, on every case that there is up to a size and on samples above it.

A case is a table: who may be met by what. Of two that differ in the order of their rows and columns alone one is tried
where it says "up to renaming": each table can be sorted by rows and by columns at once, so the sorted ones are all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lessor.core.match import STEPS_MAX, Group, Match, Supply, Ways, by_group, match, meet
from lessor.core.model import Request
from lessor.core.selectors import Operator, Requirement, Selector

NAMES = tuple("abcdef")
Table = Sequence[int]  # for each request the names that fit it, as bits


# -- tables


def every_table(rows: int, columns: int) -> Iterator[Table]:
    return itertools.product(range(1 << columns), repeat=rows)


def sorted_tables(rows: int, columns: int) -> Iterator[tuple[Table, int]]:
    """The tables whose rows and columns are in order, each with the most rows that can be met at once."""
    yield from _grown((), [True] * (columns - 1), NOTHING_USED, rows, columns)


def _grown(
    table: tuple[int, ...], equal: list[bool], reached: int, rows: int, columns: int
) -> Iterator[tuple[Table, int]]:
    """`equal`: of each two neighbouring columns whether they are equal so far."""
    if len(table) == rows:
        yield table, size_of(reached)
        return
    for row in range(table[-1] if table else 0, 1 << columns):
        bits = [row >> n & 1 for n in reversed(range(columns))]  # the first column counts most, as in sorted rows
        if any(same and left > right for same, left, right in zip(equal, bits, bits[1:], strict=False)):
            continue
        still = [same and left == right for same, left, right in zip(equal, bits, bits[1:], strict=False)]
        yield from _grown((*table, row), still, used_with(reached, row), rows, columns)


# The sets of names that some rows can use up, each row one name or none: bit s of the number for the set s.
NOTHING_USED = 1
WITHOUT = [sum(1 << used for used in range(64) if not used >> n & 1) for n in range(6)]
OF_SIZE = [sum(1 << used for used in range(64) if used.bit_count() == size) for size in range(7)]


def used_with(reached: int, row: int) -> int:
    out = reached
    for n in range(6):
        if row >> n & 1:
            out |= (reached & WITHOUT[n]) << (1 << n)
    return out


def size_of(reached: int) -> int:
    return next(size for size in range(6, -1, -1) if reached & OF_SIZE[size])


def most(table: Iterable[int]) -> int:
    """How many rows can be met at once: brute force."""
    reached = NOTHING_USED
    for row in table:
        reached = used_with(reached, row)
    return size_of(reached)


@cache
def asking(row: int, columns: int) -> Request:
    """What fits all asks for no names, what fits none for one that is not there."""
    names = names_of(row) or ["nowhere"]
    return Request("r", "p", 1, frozenset() if row == (1 << columns) - 1 else frozenset(names))


def by_names(table: Table, columns: int) -> list[Request]:
    return [asking(row, columns) for row in table]


def by_labels(table: Table) -> list[Request]:
    wants = [Selector((Requirement(f"r{i}", Operator.EXISTS),)) for i in range(len(table))]
    return [Request(f"r{i}", "p", 1, selector=want) for i, want in enumerate(wants)]


def names_of(row: int) -> list[str]:
    return [name for n, name in enumerate(NAMES) if row >> n & 1]


def labels_in(table: Table) -> dict[str, dict[str, str]]:
    return {name: {f"r{i}": "" for i, row in enumerate(table) if row >> n & 1} for n, name in enumerate(NAMES)}


def check(requests: Sequence[Request], got: dict[str, Request], labels: dict[str, dict[str, str]]) -> None:
    """No more than was asked for, and only what fits."""
    for request in requests:
        mine = [name for name, of in got.items() if of == request]
        assert len(mine) <= request.count
        assert all(request.takes(name, labels.get(name, {})) for name in mine)


def first_of_all(table: Table, columns: int) -> list[str]:
    """The names that are used if the earlier ones go first: each that can be used beside those before it."""
    used: list[int] = []
    for n in range(columns):
        wanted = [*used, n]
        if most([sum(1 << i for i, row in enumerate(table) if row >> m & 1) for m in wanted]) == len(wanted):
            used = wanted
    return [NAMES[n] for n in used]


# -- names and selectors


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
@pytest.mark.parametrize("columns", [1, 2, 3])
def test_every_case_up_to_4_requests_and_3_names_is_met_exactly_and_by_the_first_names(rows: int, columns: int) -> None:
    for table in every_table(rows, columns):
        requests, labels = by_labels(table), labels_in(table)
        got, whole = match(requests, (), NAMES[:columns], labels.__getitem__)
        assert sorted(got) == first_of_all(table, columns), table
        assert whole == (len(got) == rows)
        check(requests, got, labels)


@pytest.mark.search
def test_every_case_of_4_requests_and_4_names_is_met_exactly() -> None:
    for table in every_table(4, 4):
        got, whole = match(by_names(table, 4), (), NAMES[:4])
        assert whole == (most(table) == 4), table
        assert len(got) == most(table), table


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (5, 5)])
def test_every_case_of_4_and_of_5_requests_and_names_is_met_exactly_up_to_renaming(rows: int, columns: int) -> None:
    for table, best in sorted_tables(rows, columns):
        got, whole = match(by_names(table, columns), (), NAMES[:columns])
        assert (len(got), whole) == (best, best == rows), table


@pytest.mark.search
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("rows", "columns"),
    [(6, 4), (4, 6), *(pytest.param(*size, marks=pytest.mark.long) for size in ((5, 6), (6, 5), (6, 6)))],
)
def test_every_case_up_to_6_requests_and_6_names_is_met_exactly_up_to_renaming(rows: int, columns: int) -> None:
    for table, best in sorted_tables(rows, columns):
        got, whole = match(by_names(table, columns), (), NAMES[:columns])
        assert (len(got), whole) == (best, best == rows), table


def test_the_sorted_tables_are_all_tables_up_to_renaming() -> None:
    for rows, columns in ((2, 2), (3, 3), (2, 4), (4, 3)):
        every = {_canonical(table, columns) for table in every_table(rows, columns)}
        assert {_canonical(table, columns) for table, _ in sorted_tables(rows, columns)} == every


def _canonical(table: Table, columns: int) -> Table:
    """The least of the tables that differ in order alone."""
    return min(
        tuple(sorted(sum((row >> n & 1) << m for m, n in enumerate(order)) for row in table))
        for order in itertools.permutations(range(columns))
    )


@settings(deadline=None, max_examples=300)
@given(st.lists(st.integers(0, 63), min_size=5, max_size=6), st.permutations(NAMES), st.integers(0, 6))
def test_of_5_and_6_requests_any_order_of_names_and_any_held_ones_are_met_exactly(
    table: list[int], order: list[str], held: int
) -> None:
    requests, labels = by_labels(table), labels_in(table)
    mine, shelf = order[:held], order[held:]
    got, whole = match(requests, mine, shelf, labels.__getitem__)
    assert len(got) == most(table)
    assert whole == (len(got) == len(table))
    check(requests, got, labels)
    # What is held already stays in use, as much of it as can be.
    assert set(match(requests, mine, (), labels.__getitem__)[0]) == set(got) & set(mine)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 63)), min_size=1, max_size=3))
def test_a_count_is_so_many_requests_of_one(asked: list[tuple[int, int]]) -> None:
    requests = [
        Request(f"r{i}", "p", count, frozenset(names_of(row)) or frozenset(("nowhere",)))
        for i, (count, row) in enumerate(asked)
    ]
    got, _ = match(requests, (), NAMES)
    assert len(got) == most(row for count, row in asked for _ in range(count))
    check(requests, got, {})


# -- alternatives

POOLS: dict[str, list[str]] = {"a": ["a1", "a2", "a3"], "b": ["b1", "b2"], "c": ["c1"]}
LABELS = {"a1": {"odd": ""}, "a3": {"odd": ""}, "b1": {"odd": ""}}
ODD = Selector((Requirement("odd", Operator.EXISTS),))


def supply(
    pools: dict[str, list[str]], room: dict[str, int] | None = None, held: dict[Group, list[str]] | None = None
) -> Supply:
    mine = {name for names in (held or {}).values() for name in names}
    return Supply(
        lambda group: [name for name in pools.get(group[0], ()) if name not in mine],
        lambda name: LABELS.get(name, {}),
        room=(room or {}).get,
        held=lambda group: (held or {}).get(group, ()),
    )


def can_be_met(requests: Sequence[Request], pools: dict[str, list[str]], room: dict[str, int]) -> bool:
    """Brute force, for one choice of alternatives."""
    for pool, mine in by_group(requests, supply(pools)).items():
        if sum(r.count for r in mine) > room.get(pool[0], 99):
            return False
        here = pools.get(pool[0], [])
        rows = [sum(1 << n for n, name in enumerate(here) if r.takes(name, LABELS.get(name, {}))) for r in mine]
        slots = [row for row, r in zip(rows, mine, strict=True) for _ in range(r.count)]
        if most(slots) < len(slots):
            return False
    return True


def first_choice(ways: Ways, pools: dict[str, list[str]], room: dict[str, int]) -> list[Request] | None:
    return next((list(c) for c in itertools.product(*ways) if can_be_met(c, pools, room)), None)


def named(ways: Ways) -> Ways:
    """Requests of one Lease have names of their own."""
    return [tuple(replace(way, name=f"r{i}") for way in mine) for i, mine in enumerate(ways)]


def chosen(got: Match) -> dict[str, Request]:
    return {request.name: request for request in got.names.values()}


plain_requests = st.builds(
    lambda pool, count, picky: Request(
        "r",
        pool,
        count,
        frozenset(POOLS[pool][:2]) if picky == "names" else frozenset(),
        selector=ODD if picky == "odd" else None,
    ),
    st.sampled_from(sorted(POOLS)),
    st.sampled_from([1, 1, 1, 2, 3]),
    st.sampled_from(["", "", "names", "odd"]),
)
alternatives = st.lists(st.lists(plain_requests, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4)


@settings(deadline=None, max_examples=400)
@given(alternatives, st.dictionaries(st.sampled_from(sorted(POOLS)), st.integers(0, 3), max_size=2))
@example([(Request("r", "a"), Request("r", "a"))] * 3, {})
def test_the_first_combination_of_alternatives_that_can_be_met_is_taken(ways: Ways, room: dict[str, int]) -> None:
    ways = named(ways)
    got = meet(ways, supply(POOLS, room))
    best = first_choice(ways, POOLS, room)
    assert got.finished
    assert got.whole == (best is not None)
    if best is not None:
        assert chosen(got) == {way.name: way for way in best}
        assert len(got.names) == sum(way.count for way in best)
        check(best, got.names, LABELS)


@settings(deadline=None, max_examples=300)
@given(alternatives, st.lists(st.sampled_from(["a1", "a2", "b1", "c1"]), unique=True, min_size=1, max_size=3))
def test_what_is_held_is_used_if_some_combination_uses_all_of_it(ways: Ways, mine: list[str]) -> None:
    ways = named(ways)
    held: dict[Group, list[str]] = {}
    for name in mine:
        held.setdefault((name[0], "free"), []).append(name)
    got = meet(ways, supply(POOLS, held=held))
    assert got.whole == (first_choice(ways, POOLS, {}) is not None)
    if any(can_be_met(c, POOLS, {}) and uses_all(c, held) for c in itertools.product(*ways)):
        assert set(mine) <= set(got.names)


def uses_all(combination: Sequence[Request], held: dict[Group, list[str]]) -> bool:
    """Whether all that is held can be put to use at once."""
    for (pool, _), names in held.items():
        mine = [r for r in combination if r.pool == pool]
        slots = [r for r in mine for _ in range(r.count)]
        if most(sum(1 << i for i, r in enumerate(slots) if r.takes(n, LABELS.get(n, {}))) for n in names) < len(names):
            return False
    return True


def test_alternatives_of_one_resource_each_are_never_tried_in_vain() -> None:
    """16 requests of 8 alternatives each, where only the last combination of all can be met."""
    pools = {f"p{n}": [f"p{n}-{i}" for i in range(2)] for n in range(8)}
    ways = [tuple(Request(f"r{i}", f"p{n}") for n in range(8)) for i in range(16)]
    got = meet(ways, supply(pools))
    assert got.whole
    assert len(got.names) == 16
    del pools["p7"][0]
    got = meet(ways, supply(pools))
    assert not got.whole
    assert got.finished


@pytest.mark.parametrize("count", [2, 3, 8, 15, 16])
def test_equal_requests_are_not_permuted_and_what_a_pool_can_not_be_filled_with_is_seen(count: int) -> None:
    """Each pool has room for one request and a bit: 8 fit, the ninth does not, and that is known at once."""
    pools = {f"p{n}": [f"p{n}-{i}" for i in range(2 * count - 1)] for n in range(8)}
    for requests, fits in ((8, True), (9, False), (16, False)):
        ways = [tuple(Request(f"r{i}", f"p{n}", count) for n in range(8)) for i in range(requests)]
        got = meet(ways, supply(pools))
        assert (got.whole, got.finished) == (fits, True)


def test_a_search_that_can_not_be_finished_says_so() -> None:
    """Packing bins exactly is hard: 16 odd sizes, 8 bins with no room to spare, and no way to fill them."""
    sizes = [17, 17, 16, 16, 15, 15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 11]
    pools = {f"p{n}": [f"p{n}-{i}" for i in range(27 + n % 2 * 3)] for n in range(8)}
    ways = [tuple(Request(f"r{i}", f"p{n}", size) for n in range(8)) for i, size in enumerate(sizes)]
    assert STEPS_MAX >= 16 * 8
    got = meet(ways, supply(pools))
    assert got.whole or not got.finished


def test_alternatives_that_need_all_that_two_pools_have_together_are_found() -> None:
    ways = [
        (Request("x", "a", 2), Request("x", "b", 2)),
        (Request("y", "a", 2), Request("y", "c", 1)),
        (Request("z", "a", 3), Request("z", "b", 1)),
    ]
    got = meet(ways, supply(POOLS))
    assert {request.name: request.pool for request in got.names.values()} == {"x": "a", "y": "c", "z": "b"}
