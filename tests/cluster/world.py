"""What a test says of the world: pools and leases of its own, and what is to become of them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from lessor.api.names import API_VERSION
from lessor.kube import paths
from lessor.kube.client import Client
from lessor.kube.errors import NotFound
from tests.cluster.history import Json, condition_of, is_bound, names_of, status_of, why
from tests.cluster.recorder import Recorder
from tests.local.control_plane import ControlPlane


@dataclass
class World:
    """One test's part of the cluster: what it makes begins with `name`, and its leases are in the namespace `name`."""

    name: str
    plane: ControlPlane
    client: Client
    recorder: Recorder
    by_force: tuple[str, ...] = ()
    """Resources that the test takes away by force, so the checker does not take it for the operator's doing."""
    forged: tuple[str, ...] = ()
    """Leases whose status the test writes itself."""

    def named(self, short: str) -> str:
        return f"{self.name}-{short}"

    # -- what people do

    async def pool(self, short: str, *, names: list[str] | None = None, count: int | None = None, **spec: Any) -> str:
        """Creates a Pool of `names` (each with our prefix) or of `count`; returns its name."""
        if names is not None:
            spec["resources"] = {"names": [self.named(name) for name in names]}
        elif count is not None:
            spec["resources"] = {"count": count}
        await self.client.create(paths.collection(paths.POOLS), self._body("Pool", self.named(short), spec))
        return self.named(short)

    async def lease(self, short: str, pool: str = "", *, requests: list[Json] | None = None, **spec: Any) -> str:
        """Creates a Lease; without `requests` for one request of `pool`, to which count, names, from_ and as_ go."""
        one = {key.rstrip("_"): spec.pop(key) for key in ("count", "names", "from_", "as_") if key in spec}
        spec["requests"] = requests if requests is not None else [{"pool": pool, **one}]
        await self.client.create(paths.collection(paths.LEASES, self.name), self._body("Lease", short, spec))
        return short

    async def delete_lease(self, name: str) -> None:
        await self.client.delete(paths.one(paths.LEASES, name, self.name))

    async def delete_pool(self, name: str) -> None:
        await self.client.delete(paths.one(paths.POOLS, name))

    async def patch_lease(self, name: str, patch: Json, subresource: str | None = None) -> Json:
        return await self.client.merge_patch(paths.one(paths.LEASES, name, self.name), patch, subresource=subresource)

    async def patch_pool(self, name: str, **spec: Any) -> Json:
        return await self.client.merge_patch(paths.one(paths.POOLS, name), {"spec": spec})

    async def patch_resource(self, name: str, patch: Json, subresource: str | None = None) -> Json:
        return await self.client.merge_patch(paths.one(paths.RESOURCES, name), patch, subresource=subresource)

    # -- how things are, by a live read

    async def read_lease(self, name: str) -> Json:
        return await self.client.get(paths.one(paths.LEASES, name, self.name))

    async def read_resource(self, name: str) -> Json:
        return await self.client.get(paths.one(paths.RESOURCES, name))

    async def read_pool(self, name: str) -> Json:
        return await self.client.get(paths.one(paths.POOLS, name))

    # -- how things are, as the watches show it

    def seen_lease(self, name: str) -> Json:
        """The Lease, or an empty object while it is not there. The same for the two below."""
        return self.recorder.objects.get(("Lease", self.name, name), {})

    def seen_resource(self, name: str) -> Json:
        return self.recorder.objects.get(("Resource", "", name), {})

    def seen_pool(self, name: str) -> Json:
        return self.recorder.objects.get(("Pool", "", name), {})

    def resources_of(self, pool: str) -> dict[str, Json]:
        """The Resources that say they are of a Pool: name -> body."""
        return {
            name: body
            for (kind, _, name), body in self.recorder.objects.items()
            if kind == "Resource" and body["spec"]["pool"] == pool
        }

    # -- what is to become of them

    async def ready(self, *leases: str, seconds: float = 20) -> list[str]:
        """Waits until each of them is Ready; the names of what they hold."""
        for lease in leases:
            await self.recorder.until(
                f"lease {lease} is Ready",
                lambda lease=lease: condition_of(self.seen_lease(lease), "Ready") == "True",  # type: ignore[misc]
                seconds,
            )
        return [name for lease in leases for name in names_of(await self.read_lease(lease))]

    async def says(self, kind: str, name: str, condition: str, reason: str, seconds: float = 20) -> str:
        """Waits until an object's condition has that reason; its message."""
        namespace = self.name if kind == "Lease" else ""

        def said() -> str:
            _, is_reason, message = why(self.recorder.objects.get((kind, namespace, name), {}), condition)
            return message if is_reason == reason else ""

        return await self.recorder.until(f"{kind} {name} says {condition}: {reason}", said, seconds)

    async def waits(self, lease: str, reason: str) -> str:
        """Waits until a Lease says that it waits for that reason; its sentence."""
        message = await self.says("Lease", lease, "Bound", reason)
        assert not is_bound(self.seen_lease(lease))
        return message

    async def refused(self, lease: str, reason: str, seconds: float = 20) -> str:
        """Waits until a Lease is Refused for that reason; its sentence."""
        message = await self.says("Lease", lease, "Finished", reason, seconds)
        assert status_of(self.seen_lease(lease))["state"] == "Refused"
        return message

    async def stocked(self, pool: str, count: int, state: str = "free") -> list[str]:
        """Waits until a Pool has `count` Resources in that state, and no others; their names."""

        def there() -> list[str]:
            bodies = self.resources_of(pool)
            if len(bodies) == count and all(status_of(b).get("state") == state for b in bodies.values()):
                return sorted(bodies)
            return []

        if count == 0:
            await self.recorder.until(f"pool {pool} is empty", lambda: not self.resources_of(pool))
            return []
        return await self.recorder.until(f"pool {pool} has {count} {state}", there)

    async def is_in_state(self, resource: str, state: str) -> Json:
        """Waits until a Resource is in that state and nobody holds it; the Resource."""

        def there() -> Json:
            body = self.seen_resource(resource)
            return body if status_of(body).get("state") == state and "holder" not in status_of(body) else {}

        return await self.recorder.until(f"{resource} is {state}", there)

    async def gone(self, kind: str, name: str) -> None:
        namespace = self.name if kind == "Lease" else ""
        await self.recorder.until(
            f"{kind} {name} is gone", lambda: (kind, namespace, name) not in self.recorder.objects
        )

    # -- its end

    async def clear(self) -> None:
        """Deletes what the test made. It goes when an operator runs; nobody waits for it here."""
        for path in await self._mine():
            with contextlib.suppress(NotFound):
                await self.client.delete(path)

    async def _mine(self) -> list[str]:
        leases, _ = await self.client.list(paths.collection(paths.LEASES, self.name))
        pools, _ = await self.client.list(paths.collection(paths.POOLS))
        resources, _ = await self.client.list(paths.collection(paths.RESOURCES))
        names = {pool["metadata"]["name"] for pool in pools}
        return [
            *(paths.one(paths.LEASES, lease["metadata"]["name"], self.name) for lease in leases),
            *(paths.one(paths.POOLS, name) for name in names if name.startswith(f"{self.name}-")),
            *(
                paths.one(paths.RESOURCES, resource["metadata"]["name"])
                for resource in resources
                if resource["metadata"]["name"].startswith(f"{self.name}-") and resource["spec"]["pool"] not in names
            ),
            paths.one(paths.NAMESPACES, self.name),
        ]

    @staticmethod
    def _body(kind: str, name: str, spec: Json) -> Json:
        return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
