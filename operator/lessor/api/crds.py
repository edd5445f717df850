"""The four CustomResourceDefinitions, put together from the models: names, columns, rules, status subresource."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from . import names
from .models import ClusterProfile, Lease, Pool, Resource
from .models.common import Kubernetes
from .names import Kind
from .rules import VALIDATIONS
from .schema import Schema, structural


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`. `wide`: only with -o wide. `type` date shows an age, so it is for times that are
    past."""

    name: str
    path: str
    description: str
    type: str = "string"
    wide: bool = False

    def as_schema(self) -> dict[str, Any]:
        column = {"name": self.name, "type": self.type, "jsonPath": self.path, "description": self.description}
        return {**column, "priority": 1} if self.wide else column


_READY = Column(
    "Ready", '.status.conditions[?(@.type=="Ready")].status', "Whether it can be used; its condition says why not."
)
_AGE = Column("Age", ".metadata.creationTimestamp", "Time since it was created.", "date")

COLUMNS: dict[Kind, tuple[Column, ...]] = {
    names.POOL: (
        _READY,
        Column("Mode", ".spec.mode", "Active, Hold or HoldAndDrain."),
        Column("Total", ".status.total", "Number of Resources.", "integer"),
        Column("Free", ".status.counts.free", "Number of free Resources.", "integer"),
        Column("Leased", ".status.counts.leased", "Number of leased Resources.", "integer"),
        Column("Dirty", ".status.counts.dirty", "Number of dirty Resources.", "integer"),
        Column("Waiting", ".status.waiting", "Number of waiting Leases.", "integer"),
        Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', "Why it is ready or not.", wide=True),
        _AGE,
    ),
    names.RESOURCE: (
        Column("Pool", ".spec.pool", "Its Pool."),
        Column("State", ".status.state", "Its state."),
        Column("Since", ".status.since", "Time in this state.", "date"),
        Column("Holder", ".status.holder.name", "The Lease that has it."),
        Column("Holder Namespace", ".status.holder.namespace", "Namespace of that Lease.", wide=True),
        Column("Identity", ".status.holder.identity", "Who holds it.", wide=True),
        Column("Epoch", ".status.epoch", "Its fencing token.", "integer", wide=True),
        Column("Cordoned", ".spec.cordoned.reason", "Why it is not lent.", wide=True),
        _AGE,
    ),
    names.LEASE: (
        Column("State", ".status.state", "Waiting, Bound, or how it ended."),
        Column("Reason", ".status.reason", "Why it is in this state."),
        Column("Resource", ".status.resources[0].name", "The first of its Resources."),
        # A date column shows the age of a past time, and <invalid> for one to come: so this one is printed as written.
        Column("Expires", ".status.expireTime", "When it ends unless it is renewed (UTC)."),
        Column("Position", ".status.queue.position", "Its place in the queue.", "integer", wide=True),
        Column("Holder", ".spec.holder.identity", "Who holds or waits.", wide=True),
        replace(_AGE, wide=True),  # beside a time that is written out there is no room for it in 120 columns
    ),
    names.CLUSTER_PROFILE: (_READY, _AGE),
}

MODELS: dict[Kind, type[Kubernetes]] = {
    names.POOL: Pool,
    names.RESOURCE: Resource,
    names.LEASE: Lease,
    names.CLUSTER_PROFILE: ClusterProfile,
}

_TYPE_META = {
    "apiVersion": "Version of the API that this object is written in.",
    "kind": "Kind of this object.",
}


def schema(kind: Kind) -> Schema:
    """The openAPIV3Schema of a kind. The API server validates apiVersion, kind and metadata itself, so they stay
    open."""
    root = structural(MODELS[kind])
    properties = root["properties"]
    for field, description in _TYPE_META.items():
        properties[field] = {"description": description, "type": "string"}
    properties["metadata"] = {"type": "object"}
    order = ("apiVersion", "kind", "metadata", "spec", "status")
    kept = {keyword: root[keyword] for keyword in ("description", "type", VALIDATIONS) if keyword in root}
    return {**kept, "required": ["spec"], "properties": {field: properties[field] for field in order}}


def explained(node: Schema) -> Schema:
    """The same schema with each default in words too: `kubectl explain` shows descriptions, and no defaults."""
    told = dict(node)
    if isinstance(node.get("default"), str | int) and "description" in node:
        default = str(node["default"]).lower() if isinstance(node["default"], bool) else node["default"]
        told["description"] = f"{node['description']} Default: {default}."
    if "properties" in node:
        told["properties"] = {name: explained(field) for name, field in node["properties"].items()}
    if "items" in node:
        told["items"] = explained(node["items"])
    return told


def crd(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind, as `kubectl apply` takes it."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd},
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.singular,
                "categories": [names.CATEGORY],
                **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
            },
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column.as_schema() for column in COLUMNS[kind]],
                    "schema": {"openAPIV3Schema": explained(schema(kind))},
                }
            ],
        },
    }
