"""What people are shown of an object, and that nothing in an object can spoil it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessor.kube import cordon, views
from tests.kube import bodies

SCALAR = st.sampled_from([None, True, 0, 7, "", "x", "2026-11-24T15:00:00Z"])
FIELDS = (
    "name", "requests", "firstOf", "names", "holder", "pod", "ref", "state", "queue", "conditions", "resources",
    "counts", "terms", "cordoned", "epoch", "identity", "position", "count",
)  # fmt: skip
INNER = st.dictionaries(st.sampled_from(FIELDS), SCALAR | st.lists(SCALAR, max_size=2), max_size=4)
PART = st.dictionaries(st.sampled_from(FIELDS), SCALAR | INNER | st.lists(INNER | SCALAR, max_size=2), max_size=5)


@settings(deadline=None)
@given(PART, PART | st.none())
def test_a_view_of_any_object_never_fails(spec: dict[str, Any], status: dict[str, Any] | None) -> None:
    for kind, view in ((bodies.POOL, views.pool), (bodies.RESOURCE, views.resource), (bodies.LEASE, views.lease)):
        assert view(bodies.body(kind, "x", spec, status)).name == "x"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"pool": "aws"}, "1 of aws"),
        ({"pool": "aws", "count": 3, "from": "dirty"}, "3 dirty of aws"),
        ({"pool": "aws", "names": ["a", "b", "c", "d"]}, "1 of aws (a, b, c, …)"),
        ({"pool": "aws", "selector": {"matchLabels": {"a": "b"}}}, "1 of aws by labels"),
        ({"clusterProfile": "hypershift"}, "1 of profile hypershift"),
        ({"count": 2, "firstOf": [{"pool": "east"}, {"pool": "west", "count": 1}]}, "2 of east or 1 of west"),
    ],
)
def test_what_is_asked_for_in_words(request_: dict[str, Any], words: str) -> None:
    (ask,) = views.lease(bodies.lease(requests=[request_])).asks
    assert str(ask) == words


def test_a_request_of_alternatives_is_about_each_of_their_pools() -> None:
    requests = [{"firstOf": [{"pool": "east"}, {"pool": "west"}]}, {"pool": "east"}, {"clusterProfile": "p"}]
    assert views.lease(bodies.lease(requests=requests)).pools == ("east", "west")


def test_what_a_profile_stands_for_is_shown_once_it_is_known() -> None:
    lease = bodies.lease(
        {"requests": [{"name": "main.a", "pool": "aws", "count": 2}]}, requests=[{"clusterProfile": "p"}]
    )
    assert [str(ask) for ask in views.lease(lease).asks] == ["2 of aws"]


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        ({"identity": "job 7", "pod": {"name": "p"}}, "job 7"),
        ({"pod": {"name": "p"}}, "pod/p"),
        ({"ref": {"apiVersion": "batch/v1", "kind": "Job", "name": "j"}}, "job/j"),
        ({}, ""),
    ],
)
def test_a_holder_is_named_by_what_says_most(holder: dict[str, Any], words: str) -> None:
    assert views.lease(bodies.lease(holder=holder)).holder == words


def test_a_cordon_is_guarded_by_the_version_that_was_read_and_is_not_repeated() -> None:
    free = views.resource(bodies.resource({"state": "free"}))
    guard = {"uid": "aws-1-uid", "resourceVersion": "7"}
    patch = cordon.cordon(free, "vpc", "ann")
    assert patch == {"metadata": guard, "spec": {"cordoned": {"reason": "vpc", "by": "ann"}}}
    done = views.resource(bodies.resource(cordoned={"reason": "vpc", "by": "ann"}))
    assert cordon.cordon(done, "vpc", "bob") is None
    assert cordon.cordon(done, "dns", "bob") == {
        "metadata": guard,
        "spec": {"cordoned": {"reason": "dns", "by": "bob"}},
    }
    assert cordon.uncordon(done) == {"metadata": guard, "spec": {"cordoned": None}}
    assert cordon.uncordon(free) is None


def test_uncordon_asks_for_a_recheck_of_what_is_quarantined_and_of_nothing_else() -> None:
    cordoned = {"reason": "vpc"}
    quarantined = views.resource(bodies.resource({"state": "quarantined", "epoch": 9}, cordoned=cordoned))
    assert cordon.uncordon(quarantined)["spec"] == {"cordoned": None, "recheck": 9}  # type: ignore[index]
    asked = views.resource(bodies.resource({"state": "quarantined", "epoch": 9}, recheck=9))
    assert cordon.uncordon(asked) is None
    dirty = views.resource(bodies.resource({"state": "dirty", "epoch": 9}, cordoned=cordoned))
    assert cordon.uncordon(dirty)["spec"] == {"cordoned": None}  # type: ignore[index]
