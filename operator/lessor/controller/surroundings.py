"""What is watched besides our own kinds: the pods and objects that Leases name as holders, and namespaces.

kopf watches our kinds; these watches come and go with the Leases that need them. They observe and wake, nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from lessor.core.ledger import Ledger
from lessor.core.model import HolderGroup, HolderKey
from lessor.kube import codec, paths
from lessor.kube.client import Client
from lessor.kube.discovery import Discovery, NoSuchKind
from lessor.kube.errors import Forbidden, KubeError, NotFound
from lessor.kube.holders import holder_facts
from lessor.kube.watch import BLIND_S, Watches, follow

log = logging.getLogger(__name__)

Json = dict[str, Any]
FORBIDDEN, KIND_NOT_FOUND = "Forbidden", "KindNotFound"  # reasons of condition HolderAlive
ASK_AGAIN_S = 1.0  # after discovery failed: the API server can't be reached


class Surroundings:
    """Standby or leader: the watches run in both, so a new leader knows who lives."""

    def __init__(self, ledger: Ledger, wake: Callable[[], None], client: Client, watching: Client) -> None:
        """`watching`: a client without a limit of connections, of which each watch takes one."""
        self._ledger, self._wake, self._client, self._watching = ledger, wake, client, watching
        self._discovery = Discovery(client)
        self._watches = Watches()
        self._wanted = -1  # holders.changes when the watches were set last

    async def run(self) -> None:
        """The watch over namespaces, until cancelled; then all end."""
        try:
            await follow(self._watching, paths.collection(paths.NAMESPACES), _Namespaces(self._ledger, self._wake))
        finally:
            await self._watches.close()

    def refresh(self) -> None:
        """Begins and ends watches as Leases have come and gone. Cheap where nothing has changed."""
        holders = self._ledger.holders
        if self._wanted != holders.changes:
            self._wanted = holders.changes
            self._watches.want(holders.groups, self._watch)

    async def look(self, key: HolderKey) -> Json | None:
        """A live read of a holder. None: it can't be looked at, which the ledger knows now.

        Raises NotFound if there is no such object, and every other KubeError."""
        try:
            kind = await self._discovery.find(key.api_version, key.kind)
            return _whole(await self._client.get(paths.one(kind, key.name, key.namespace)), key.group)
        except NoSuchKind as e:
            self.blind(key.group, KIND_NOT_FOUND, str(e))
        except Forbidden as e:
            self.blind(key.group, FORBIDDEN, e.message)
        except NotFound as e:
            if (e.body.get("details") or {}).get("name") == key.name:
                raise
            self._discovery.forget(key.api_version, key.kind)  # not the object is gone but its kind: no end of anything
            self.blind(key.group, KIND_NOT_FOUND, e.message)
        return None

    async def _watch(self, group: HolderGroup) -> None:
        try:
            while True:
                await self._follow(group)
        finally:
            self._ledger.holders.unwatched(group)

    async def _follow(self, group: HolderGroup) -> None:
        """Until it can't be watched any more, and a pause."""
        try:
            kind = await self._discovery.find(group.api_version, group.kind)
            await follow(self._watching, paths.collection(kind, group.namespace), _Group(self, group))
        except (NoSuchKind, NotFound) as e:
            self._discovery.forget(group.api_version, group.kind)
            self.blind(group, KIND_NOT_FOUND, str(e))
            await asyncio.sleep(BLIND_S)
        except Forbidden as e:
            self.blind(group, FORBIDDEN, e.message)
            await asyncio.sleep(BLIND_S)
        except KubeError as e:
            log.debug("can't look for %s of %s: %s; trying on", group.kind, group.api_version, e)
            await asyncio.sleep(ASK_AGAIN_S)

    def blind(self, group: HolderGroup, reason: str, message: str) -> None:
        self._ledger.holders.blind(group, reason, message)
        self._wake()

    def listed(self, group: HolderGroup, bodies: list[Json]) -> None:
        self._ledger.holders.listed(group, {b["metadata"]["name"]: holder_facts(b) for b in bodies})
        self._wake()

    def seen(self, group: HolderGroup, body: Json, *, deleted: bool) -> None:
        key = HolderKey(*group, body["metadata"]["name"])
        self._ledger.holders.seen(key, None if deleted else holder_facts(body))
        self._wake()


class _Group:
    """One watch over holders."""

    def __init__(self, of: Surroundings, group: HolderGroup) -> None:
        self._of, self._group = of, group

    def listed(self, bodies: list[Json]) -> None:
        self._of.listed(self._group, [_whole(body, self._group) for body in bodies])

    def seen(self, body: Json, *, deleted: bool) -> None:
        self._of.seen(self._group, body, deleted=deleted)

    def blind(self, why: Forbidden) -> None:
        self._of.blind(self._group, FORBIDDEN, why.message)


def _whole(body: Json, group: HolderGroup) -> Json:
    """Of Kubernetes' own kinds the items of a list don't say what they are."""
    return {"apiVersion": group.api_version, "kind": group.kind, **body}


class _Namespaces:
    """Their labels say who may ask of a pool; one that is going takes its Leases with it."""

    def __init__(self, ledger: Ledger, wake: Callable[[], None]) -> None:
        self._ledger, self._wake = ledger, wake

    def listed(self, bodies: list[Json]) -> None:
        self._ledger.observe_namespaces([codec.namespace(body) for body in bodies])
        self._wake()

    def seen(self, body: Json, *, deleted: bool) -> None:
        if deleted:
            self._ledger.observe_namespace_gone(body["metadata"]["name"])
        else:
            self._ledger.observe_namespace(codec.namespace(body))
        self._wake()

    def blind(self, why: Forbidden) -> None:
        log.error("%s: pools with access.namespaceSelector lend to nobody until then", why)
