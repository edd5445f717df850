"""Which Pool a Resource's name belongs to. A name that two Pools claim belongs to the older (design, section 2)."""

from __future__ import annotations

from .model import Pool


class ClaimedNames:
    def __init__(self) -> None:
        self._pools: dict[str, tuple[Pool, ...]] = {}  # Resource name -> the Pools that claim it, oldest first
        self._by_pool: dict[str, Pool] = {}
        self._duplicates: dict[str, dict[str, str]] = {}  # Pool name -> name -> the older Pool that has it

    def set(self, pool: Pool) -> list[str]:
        """A Pool as it is now. Returns the other Pools whose names are affected."""
        touched = self.drop(pool)
        self._by_pool[pool.name] = pool
        for name in pool.items:
            others = self._pools.get(name, ())
            self._pools[name] = tuple(sorted((*others, pool), key=lambda p: (p.created, p.uid)))
            if others:
                touched += self._rank(name)
        return list(dict.fromkeys(touched))

    def drop(self, pool: Pool) -> list[str]:
        """A Pool that is gone. Returns the other Pools whose names are affected."""
        old = self._by_pool.pop(pool.name, None)
        self._duplicates.pop(pool.name, None)
        touched: list[str] = []
        for name in old.items if old is not None else ():
            rest = tuple(p for p in self._pools[name] if p.name != pool.name)
            if rest:
                self._pools[name] = rest
                touched += self._rank(name)
            else:
                del self._pools[name]
        return list(dict.fromkeys(touched))

    def owner(self, name: str) -> str | None:
        pools = self._pools.get(name)
        return pools[0].name if pools else None

    def pools_of(self, name: str) -> list[str]:
        return [pool.name for pool in self._pools.get(name, ())]

    def duplicates(self, pool: str) -> dict[str, str]:
        """The names that `pool` claims and an older Pool has: name -> that Pool."""
        return self._duplicates.get(pool, {})

    def _rank(self, name: str) -> list[str]:
        pools = self._pools[name]
        for rank, pool in enumerate(pools):
            mine = self._duplicates.setdefault(pool.name, {})
            if rank:
                mine[name] = pools[0].name
            else:
                mine.pop(name, None)
        return [pool.name for pool in pools]
