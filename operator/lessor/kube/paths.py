"""Where things are: the URL paths of the kinds that Lessor reads and writes."""

from typing import NamedTuple
from urllib.parse import quote

from lessor.api import names


class Kind(NamedTuple):
    """A kind as the API server's paths name it. `group` is "" for the core group."""

    group: str
    version: str
    plural: str
    namespaced: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


POOLS = Kind(names.GROUP, names.VERSION, names.POOL.plural)
RESOURCES = Kind(names.GROUP, names.VERSION, names.RESOURCE.plural)
LEASES = Kind(names.GROUP, names.VERSION, names.LEASE.plural, True)
PROFILES = Kind(names.GROUP, names.VERSION, names.CLUSTER_PROFILE.plural)

PODS = Kind("", "v1", "pods", True)
SECRETS = Kind("", "v1", "secrets", True)
CONFIGMAPS = Kind("", "v1", "configmaps", True)
EVENTS = Kind("", "v1", "events", True)
NAMESPACES = Kind("", "v1", "namespaces")
ELECTIONS = Kind("coordination.k8s.io", "v1", "leases", True)  # Kubernetes' own lease, not ours
SELF_REVIEWS = Kind("authentication.k8s.io", "v1", "selfsubjectreviews")  # "who am I"; create only
CRDS = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions")


def collection(kind: Kind, namespace: str = "") -> str:
    """The path to LIST and create at. A namespaced kind without a namespace: all namespaces (LIST only)."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    if kind.namespaced and namespace:
        return f"{root}/namespaces/{quote(namespace, safe='')}/{kind.plural}"
    return f"{root}/{kind.plural}"


def one(kind: Kind, name: str, namespace: str = "") -> str:
    """The path of one object. Quoted, because a name may come from a command line."""
    assert bool(namespace) == kind.namespaced, f"{kind.plural}: namespace {namespace!r}"
    return f"{collection(kind, namespace)}/{quote(name, safe=':')}"
