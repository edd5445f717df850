"""Which path a kind has that a Lease names: `batch/v1`, `Job` -> `/apis/batch/v1/namespaces/…/jobs`."""

from __future__ import annotations

import re

from .client import Client
from .errors import NotFound
from .paths import Kind

# It comes from a Lease and becomes part of a path, so nothing passes that could lead elsewhere.
_API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NEEDED = ("list", "watch")


class NoSuchKind(Exception):
    """The API server does not serve it, or not in namespaces, or can't list and watch it; the sentence says which."""


class Discovery:
    """Asks the API server once for each kind that it serves; what it does not serve is asked for each time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], Kind] = {}

    async def find(self, api_version: str, kind: str) -> Kind:
        """Raises NoSuchKind, or KubeError when the API server can't be asked."""
        known = self._known.get((api_version, kind))
        if known is not None:
            return known
        if not _API_VERSION.fullmatch(api_version):
            raise NoSuchKind(f"{api_version!r} is no apiVersion: write one such as batch/v1")
        group, _, version = api_version.rpartition("/")
        try:
            served = await self._client.get(f"/apis/{group}/{version}" if group else f"/api/{version}")
        except NotFound:
            raise NoSuchKind(f"{api_version} is not served: install it, or correct the Lease's apiVersion") from None
        for resource in served.get("resources", ()):
            if resource["kind"] != kind or "/" in resource["name"]:  # pods/status is of kind Pod too
                continue
            if not resource["namespaced"]:
                raise NoSuchKind(f"{kind} of {api_version} has no namespace: name an object of the Lease's own")
            if not all(verb in resource["verbs"] for verb in _NEEDED):
                # An API that only answers, such as a TokenReview: nothing of it can end, so it would hold for ever.
                raise NoSuchKind(f"{kind} of {api_version} can't be watched: name an object of another kind")
            found = self._known[api_version, kind] = Kind(group, version, resource["name"], True)
            return found
        raise NoSuchKind(f"{api_version} has no kind {kind}: correct the Lease's kind")

    def forget(self, api_version: str, kind: str) -> None:
        """It is not served any more, or under another name."""
        self._known.pop((api_version, kind), None)
