"""Who asks: accounts with tokens that are bound to pods, as in a cluster, and what RBAC gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lessor.api.names import API_VERSION, GROUP, KINDS
from lessor.kube import credentials, paths
from lessor.kube.client import Client
from lessor.kube.errors import Forbidden, NotFound
from tests.kube.wire import eventually
from tests.local.control_plane import ControlPlane

Json = dict[str, Any]

ACCOUNTS = paths.Kind("", "v1", "serviceaccounts", True)
ROLES = paths.Kind("rbac.authorization.k8s.io", "v1", "clusterroles")
ROLE_BINDINGS = paths.Kind("rbac.authorization.k8s.io", "v1", "rolebindings", True)
CLUSTER_BINDINGS = paths.Kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings")
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
SYSTEM = "lessor-system"
LEASES_RULE = {"apiGroups": [GROUP], "resources": ["leases"]}
POOLS_RULE = {"apiGroups": [GROUP], "resources": ["pools"]}
STATUSES_RULE = {"apiGroups": [GROUP], "resources": [f"{kind.plural}/status" for kind in KINDS]}
NOW = "2026-11-24T12:00:00.000000Z"


async def is_forbidden(asked: Awaitable[object]) -> bool:
    """Whether the answer is Forbidden. Raises what else is wrong."""
    try:
        await asked
    except Forbidden:
        return True
    return False


async def refusal(asked: Awaitable[object]) -> str:
    """The sentence with which a policy refuses. Raises AssertionError if it does not, or if it is RBAC that does."""
    with pytest.raises(Forbidden) as refused:
        await asked
    message = refused.value.message
    assert "ValidatingAdmissionPolicy" in message, f"it is RBAC that refuses: {message}"
    return message


async def is_gone(client: Client, path: str) -> bool:
    try:
        await client.get(path)
    except NotFound:
        return True
    return False


@dataclass
class Person:
    """An account, at one of its tokens. `pod` and `uid` are of the pod that the token is bound to, or empty."""

    client: Client
    account: str
    kubeconfig: Path
    pod: str = ""
    uid: str = ""

    async def may(self, verb: str, plural: str, namespace: str = "", subresource: str = "", name: str = "") -> bool:
        asked = {"group": GROUP, "resource": plural, "verb": verb}
        asked |= {"namespace": namespace, "subresource": subresource, "name": name}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        return bool((await self.client.create(REVIEWS, body))["status"]["allowed"])

    async def until_may(self, verb: str, plural: str, *where: str, **named: str) -> None:
        """The authorizer hears of a binding a moment after it was written."""
        await eventually(f"{self.account} may {verb} {plural}", lambda: self.may(verb, plural, *where, **named))

    async def lease(self, namespace: str, name: str, pool: str = "p", **spec: Any) -> Json:
        """Creates a Lease; without `requests` for one resource of `pool`."""
        return await self.client.create(paths.collection(paths.LEASES, namespace), lease(name, pool, **spec))

    async def patch(self, namespace: str, name: str, **spec: Any) -> Json:
        return await self.client.merge_patch(paths.one(paths.LEASES, name, namespace), {"spec": spec})

    async def status(self, namespace: str, name: str, **status: Any) -> Json:
        path = paths.one(paths.LEASES, name, namespace)
        return await self.client.merge_patch(path, {"status": status}, subresource="status")

    async def delete(self, namespace: str, name: str) -> None:
        await self.client.delete(paths.one(paths.LEASES, name, namespace))


def lease(name: str, pool: str = "p", **spec: Any) -> Json:
    spec.setdefault("requests", [{"pool": pool}])
    return {"apiVersion": API_VERSION, "kind": "Lease", "metadata": {"name": name}, "spec": spec}


@dataclass
class People:
    """Makes them, in namespaces that begin with the test's name."""

    plane: ControlPlane
    admin: Client
    name: str
    folder: Path
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)
    _made: list[str] = field(default_factory=list)
    """Cluster-scoped objects to delete at the end."""

    @classmethod
    @asynccontextmanager
    async def meet(cls, plane: ControlPlane, admin: Client, name: str, folder: Path) -> AsyncIterator[People]:
        made = cls(plane, admin, name, folder)
        try:
            yield made
        finally:
            await made._open.aclose()
            for path in reversed(made._made):
                with suppress(NotFound):
                    await admin.delete(path)

    async def namespace(self, short: str = "jobs") -> str:
        """A namespace in which every account is a `lessor-user`; returns its name."""
        name = f"{self.name}-{short}"
        await self.admin.create(paths.collection(paths.NAMESPACES), {"metadata": {"name": name}})
        self._made.append(paths.one(paths.NAMESPACES, name))
        group = {"kind": "Group", "name": f"system:serviceaccounts:{name}", "apiGroup": ROLES.group}
        await self._bind(paths.collection(ROLE_BINDINGS, name), "users", "lessor-user", group)
        return name

    async def pod(self, namespace: str, pod: str, account: str = "job") -> Person:
        """The account, at the token of a new pod. The pod never runs, there is no node; a token needs no more."""
        await self.account(namespace, account)
        body = {
            "metadata": {"name": pod},
            "spec": {"serviceAccountName": account, "containers": [{"name": "c", "image": "none"}]},
        }
        made = await self.admin.create(paths.collection(paths.PODS, namespace), body)
        uid: str = made["metadata"]["uid"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": pod, "uid": uid}
        person = await self._person(namespace, account, f"{account}-{uid}", bound)
        return replace(person, pod=pod, uid=uid)

    async def plain(self, namespace: str, account: str) -> Person:
        """The account, at a token without a pod."""
        await self.account(namespace, account)
        return await self._person(namespace, account, account, None)

    async def account(self, namespace: str, name: str) -> None:
        path = paths.collection(ACCOUNTS, namespace)
        have, _ = await self.admin.list(path)
        if name not in {account["metadata"]["name"] for account in have}:
            await self.admin.create(path, {"metadata": {"name": name}})
        if namespace != SYSTEM:
            person = await self._person(namespace, name, f"{name}-waits", None)
            await person.until_may("create", "leases", namespace)

    async def give(self, person: Person, role: str, namespace: str = "") -> None:
        """Binds a ClusterRole, in a namespace or in the whole cluster."""
        _, _, home, account = person.account.split(":")
        subject = {"kind": "ServiceAccount", "name": account, "namespace": home}
        name = f"{self.name}-{role}-{account}"
        where = paths.collection(ROLE_BINDINGS, namespace) if namespace else paths.collection(CLUSTER_BINDINGS)
        await self._bind(where, name, role, subject)
        if not namespace:
            self._made.append(paths.one(CLUSTER_BINDINGS, name))

    async def role(self, short: str, *rules: Json) -> str:
        """A ClusterRole of the test's own; returns its name."""
        name = f"{self.name}-{short}"
        await self.admin.create(paths.collection(ROLES), {"metadata": {"name": name}, "rules": list(rules)})
        self._made.append(paths.one(ROLES, name))
        return name

    async def _bind(self, where: str, name: str, role: str, subject: Json) -> None:
        ref = {"apiGroup": ROLES.group, "kind": "ClusterRole", "name": role}
        await self.admin.create(where, {"metadata": {"name": name}, "roleRef": ref, "subjects": [subject]})

    async def _person(self, namespace: str, account: str, file: str, bound: Json | None) -> Person:
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [], "expirationSeconds": 3600, **({"boundObjectRef": bound} if bound else {})},
        }
        answer = await self.admin.create(f"{paths.one(ACCOUNTS, account, namespace)}/token", body)
        kubeconfig = self.folder / f"{namespace}-{file}.kubeconfig"
        kubeconfig.write_text(_kubeconfig(self.plane, answer["status"]["token"]))
        client = await self._open.enter_async_context(Client(credentials.load(str(kubeconfig))))
        return Person(client, f"system:serviceaccount:{namespace}:{account}", kubeconfig)


def _kubeconfig(plane: ControlPlane, token: str) -> str:
    cluster = {"server": plane.server, "certificate-authority": str(plane.ca)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "c",
        }
    )
