"""What a person at a terminal sees of the four kinds: tables, explanations, refusals, samples."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lessor.api.names import KINDS
from tests.api.objects import NOW, Json, condition, held_by, lease, listed, pool, profile, resource
from tests.local.control_plane import CRDS, ROOT, ControlPlane

SAMPLES = ROOT / "deploy" / "samples"
TERMINAL_CHARS = 120
COUNTS = {"free": 29, "leased": 1, "dirty": 0}


def show(plane: ControlPlane, object: Json, status: Json) -> None:
    """Makes an object and writes its status, as an operator would."""
    plane.kubectl("create", "-f", "-", input=json.dumps(object))
    place = f"{object['kind'].lower()}s.lessor.dev", object["metadata"]["name"]
    plane.kubectl("patch", *place, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


@pytest.fixture
def shown(control_plane: ControlPlane) -> Iterator[Callable[[str, str, str], ControlPlane]]:
    """Makes one object of each kind, of the given names of pool, Resource and Lease."""
    ready = {"conditions": [condition("Ready", "True")]}

    def make(pools: str, resources: str, leases: str) -> ControlPlane:
        show(control_plane, pool(pools), {"counts": COUNTS, "total": 30, "waiting": 12, **ready})
        lent = {"state": "leased", "since": NOW, "epoch": 1, "holder": {**held_by("1"), "name": leases}}
        show(control_plane, resource(resources, pool=pools), lent)
        bound = {"state": "Bound", "reason": "AllResourcesReady", "expireTime": NOW, "resources": [listed(resources)]}
        show(control_plane, lease(leases, holder={"identity": "me"}), bound)
        show(control_plane, profile("hypershift-aws"), ready)
        return control_plane

    yield make
    for kind in KINDS:
        control_plane.kubectl("delete", kind.crd, "--all")


def cells(table: str) -> dict[str, str]:
    """A table of one row: heading -> cell, cut where the headings stand."""
    head, row = table.rstrip("\n").split("\n")
    starts = [match.start() for match in re.finditer(r"(?:^|(?<=  ))\S", head)]
    cuts = [*starts, len(head) + len(row)]
    return {head[a:b].strip(): row[a:b].strip() for a, b in itertools.pairwise(cuts)}


def test_each_kind_shows_what_people_look_for(shown: Callable[[str, str, str], ControlPlane]) -> None:
    plane = shown("hypershift-quota-slice", "hypershift-quota-slice-0", "e2e-aws")

    def table(*what: str) -> dict[str, str]:
        """Without the ages, which grow; that they are there is all that can be said."""
        row = cells(plane.kubectl("get", *what).stdout)
        assert row.pop("AGE", "") or what == ("rl",)  # a Lease has the time when it ends there
        return row

    assert table("pool") == {
        "NAME": "hypershift-quota-slice",
        "READY": "True",
        "MODE": "Active",
        "TOTAL": "30",
        "FREE": "29",
        "LEASED": "1",
        "DIRTY": "0",
        "WAITING": "12",
    }
    resources = table("rsc")
    assert resources.pop("SINCE")
    assert resources == {
        "NAME": "hypershift-quota-slice-0",
        "POOL": "hypershift-quota-slice",
        "STATE": "leased",
        "HOLDER": "e2e-aws",
    }
    assert table("rl") == {
        "NAME": "e2e-aws",
        "STATE": "Bound",
        "REASON": "AllResourcesReady",
        "RESOURCE": "hypershift-quota-slice-0",
        "EXPIRES": NOW,
    }
    assert table("rl", "-o", "wide")["HOLDER"] == "me"
    assert table("lprof") == {"NAME": "hypershift-aws", "READY": "True"}


def test_all_kinds_come_at_once_and_fit_a_terminal(shown: Callable[[str, str, str], ControlPlane]) -> None:
    plane = shown("hypershift-quota-slice", "hypershift-quota-slice-0", "e2e-aws")
    table = plane.kubectl("get", "lessor", "-A").stdout
    for kind in KINDS:
        assert f"{kind.singular}.lessor.dev/" in table
    assert max(map(len, table.split("\n"))) <= TERMINAL_CHARS


def test_each_kind_fits_a_terminal_with_openshifts_long_names(shown: Callable[[str, str, str], ControlPlane]) -> None:
    plane = shown("openshift-org-aws-quota-slice", "us-east-1--aws-quota-slice-00", "ci-op-1a2b3c4d-97c0d")
    for kind in KINDS:
        table = plane.kubectl("get", kind.crd).stdout
        assert max(map(len, table.split("\n"))) <= TERMINAL_CHARS


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("pools.lessor.dev.spec.lease.renewWithin", "Default: 30m."),
        ("pool.spec.resources", "exactly one of items, names, count and dynamic"),
        ("rsc.status.holder", "the lock"),
        ("leases.lessor.dev.spec.requests", "1 to 16 requests: all of them are met together, or none."),
        ("rl.spec.requests.count", "Default: 1."),
        ("lprof.spec.requests", "looked up once"),
    ],
)
def test_explain_says_what_a_field_is_for(control_plane: ControlPlane, field: str, says: str) -> None:
    told = " ".join(control_plane.kubectl("explain", field).stdout.split())
    assert says in told


def test_kubectl_refuses_an_unknown_field_by_name(control_plane: ControlPlane) -> None:
    done = control_plane.kubectl("create", "-f", "-", input=json.dumps(lease(requests=[{"poool": "a"}])), check=False)
    assert done.returncode == 1
    assert 'unknown field "spec.requests[0].poool"' in done.stderr


def test_the_crds_pass_strict_validation(control_plane: ControlPlane) -> None:
    control_plane.kubectl("apply", "--server-side", "--validate=strict", "--dry-run=server", "-f", str(CRDS))


def test_no_crd_has_a_condition_that_complains(control_plane: ControlPlane) -> None:
    for kind in KINDS:
        seen = json.loads(control_plane.kubectl("get", "crd", kind.crd, "-o", "json").stdout)
        conditions = {condition["type"]: condition["status"] for condition in seen["status"]["conditions"]}
        assert conditions.get("NonStructuralSchema", "False") == "False"
        assert conditions["NamesAccepted"] == "True"


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.yaml")), ids=lambda sample: sample.name)
def test_each_sample_passes_strict_validation(control_plane: ControlPlane, sample: Path) -> None:
    control_plane.kubectl("create", "--validate=strict", "--dry-run=server", "-f", str(sample))
