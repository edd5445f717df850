"""The names and limits of the API: group, kinds, plurals. No pydantic here, so the codec and the command line may
import it."""

from __future__ import annotations

from dataclasses import dataclass

GROUP = "lessor.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "lessor"  # kubectl get lessor -A
FINALIZER = f"{GROUP}/protection"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind as `CustomResourceDefinition.spec.names` wants it."""

    kind: str
    plural: str
    namespaced: bool
    short_names: tuple[str, ...] = ()

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def crd(self) -> str:
        """The name of its CustomResourceDefinition, and what kubectl calls it when the short names are taken."""
        return f"{self.plural}.{GROUP}"


# kubectl finds a Pool by its singular, `pool`. A Lease can't be `lease`: coordination.k8s.io has that one.
POOL = Kind("Pool", "pools", namespaced=False)
RESOURCE = Kind("Resource", "resources", namespaced=False, short_names=("rsc",))
LEASE = Kind("Lease", "leases", namespaced=True, short_names=("rl",))
CLUSTER_PROFILE = Kind("ClusterProfile", "clusterprofiles", namespaced=False, short_names=("lprof",))
KINDS = (POOL, RESOURCE, LEASE, CLUSTER_PROFILE)

# Limits of design section 2.
REQUESTS_MAX = 16  # in a Lease or a ClusterProfile
RESOURCES_PER_LEASE_MAX = 256  # over all requests
ALTERNATIVES_MAX = 8  # in firstOf
ALTERNATIVE_NAMES_MAX = 32  # names spelt out in one alternative
IDENTITY_CHARS_MAX = 4096  # Boskos' owner text
OUTCOME_BYTES_MAX = 8192  # message and report together
NAME_CHARS_MAX = 253  # a DNS-1123 subdomain; real Boskos names are longer than a label value may be

# Limits of our own: what the largest real configurations need, with room, and below the 1.5 MiB that etcd takes.
POOL_ITEMS_MAX = 5000  # names or items spelt out in one Pool; the largest real type has 1,000
POOL_COUNT_MAX = 10000  # <pool>-0 … <pool>-9999
COUNTED_POOL_NAME_CHARS_MAX = NAME_CHARS_MAX - len(f"-{POOL_COUNT_MAX - 1}")
RELEASES_MAX = RESOURCES_PER_LEASE_MAX + 1  # each resource once, and "*"
STATE_CHARS_MAX = 253  # Boskos' states are free words
LAST_HOLDERS_MAX = 5
