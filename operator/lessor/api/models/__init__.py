"""The four kinds as pydantic models: the one source of the CRDs, of docs/reference/api.md and of what files may say.

The text below a field is what `kubectl explain` prints for it. Names and meaning: design section 2.
Defaults stand in specs only: one in a status would be stored with the first status, and say what nobody has observed
(API conventions). The operator's hot path doesn't come here: it reads plain JSON (`lessor.kube.codec`).
"""

from .lease import Lease
from .pool import Pool
from .profile import ClusterProfile
from .resource import Resource

MODELS = (Pool, Resource, Lease, ClusterProfile)

__all__ = ["MODELS", "ClusterProfile", "Lease", "Pool", "Resource"]
