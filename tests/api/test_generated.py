"""The generated files: current, complete, described; and what they promise to those who read the CRDs by eye."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lessor.api import generate
from lessor.api.crds import COLUMNS, crd, schema
from lessor.api.names import CLUSTER_PROFILE, KINDS, LEASE, POOL, RESOURCE, Kind
from lessor.api.schema import Schema

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = r"(?:[A-Z`a-z$].*?[.)](?: |$)){1,3}"

# Every field of design section 2, a line for each object; `*` marks what was added to it.
DESIGN = {
    POOL: """
        spec: resources template lease queue access mode needs credentials janitor
        spec.resources: items names count dynamic
        spec.resources.items: name labels attributes credentialsSecret initialState
        spec.resources.dynamic: min max lifespan
        spec.template: labels attributes credentialsSecret initialState
        spec.lease: renewWithin maxDuration releaseStates onLoss
        spec.queue: reserveAfter fairShare maxPerTenant maxPriority
        spec.queue.fairShare: by labelKey weights
        spec.access: namespaces namespaceSelector
        spec.needs: pool count
        spec.credentials: rotate
        spec.janitor: provider timeout maxAttempts
        status: counts total* waiting nextOrdinal conditions observedGeneration
    """,
    RESOURCE: """
        spec: pool attributes credentialsSecret cordoned recheck
        spec.cordoned: reason by
        status: state holder epoch conditions since holdUntil lastHolders cleaning observedGeneration*
        status.holder: namespace name uid identity attempt from releaseState term
        status.lastHolders: namespace* name* uid* identity* epoch* ended* at*
        status.cleaning: attempts verdict message finishedAt
    """,
    LEASE: """
        spec: requests priority holder renewTime renewWithin waiterRenewWithin collectWithin renewSlack maxDuration
        spec: waitTimeout releaseState ttlAfterFinished adopt release outcome
        spec.requests: name pool clusterProfile firstOf count selector names from as
        spec.requests.selector: matchLabels matchExpressions
        spec.requests.firstOf: pool count* selector* names*
        spec.holder: identity pod ref
        spec.holder.pod: name uid
        spec.holder.ref: apiVersion kind name uid
        spec.release: name state
        spec.outcome: result message report
        status: state reason* conditions attempt requests terms holderUID boundTime expireTime resources
        status: credentialsSecret links queue observedGeneration*
        status.terms: renewWithin renewSlack* maxDuration* priority* releaseState* releaseStates* onLoss pools*
        status.terms.pools: pool* releaseStates* onLoss*
        status.resources: name request pool epoch attributes
        status.credentialsSecret: name uid
        status.links: job build pr
        status.queue: position of since blockedBy latestStart
    """,
    CLUSTER_PROFILE: """
        spec: requests attributes credentialsSecret access
        spec.requests: name pool count
        spec.access: namespaces namespaceSelector
        status: conditions observedGeneration*
    """,
}


def fields(kind: Kind) -> Iterator[tuple[str, Schema]]:
    """Every field below spec and status with its path, lists and maps stepped into."""
    waiting = [(name, schema(kind)["properties"][name]) for name in ("spec", "status")]
    while waiting:
        path, node = waiting.pop()
        yield path, node
        inner = node["items"] if node["type"] == "array" else node
        waiting += [(f"{path}.{name}", field) for name, field in inner.get("properties", {}).items()]


def objects(kind: Kind) -> dict[str, set[str]]:
    """Path of an object -> names of its fields."""
    found: dict[str, set[str]] = {}
    for path, _ in fields(kind):
        parent, _, name = path.rpartition(".")
        found.setdefault(parent, set()).add(name)
    return found


def test_the_checked_in_files_are_what_the_models_say() -> None:
    assert generate.stale(ROOT) == []


def test_a_stale_file_is_named_with_the_command_that_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--root", str(tmp_path)]) == 0
    assert generate.main(["--root", str(tmp_path), "--check"]) == 0
    (tmp_path / "crds" / "lessor.dev_leases.yaml").write_text("edited by hand")
    (tmp_path / "docs" / "reference" / "api.md").unlink()
    capsys.readouterr()
    assert generate.main(["--root", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().err
    assert said == "stale: crds/lessor.dev_leases.yaml, docs/reference/api.md; run `make generate`\n"
    assert (tmp_path / "crds" / "lessor.dev_leases.yaml").read_text() == "edited by hand"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_of_the_design_is_there_by_its_name(kind: Kind) -> None:
    found = objects(kind)
    for line in DESIGN[kind].split("\n"):
        path, _, names = line.strip().partition(": ")
        for name in names.split():
            assert name.rstrip("*") in found[path], f"{path}.{name}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_no_field_is_there_that_is_not_listed(kind: Kind) -> None:
    listed: dict[str, set[str]] = {"": {"spec", "status"}}
    for line in DESIGN[kind].split("\n"):
        path, _, names = line.strip().partition(": ")
        listed.setdefault(path, set()).update(name.rstrip("*") for name in names.split())
    copies = re.compile(r"status\.requests|conditions$|(s|S)elector")  # listed once, where they come from
    for path, names in objects(kind).items():
        if not copies.search(path):
            assert names == listed.get(path), path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_is_described_in_one_to_three_sentences(kind: Kind) -> None:
    for path, field in fields(kind):
        assert re.fullmatch(SENTENCES, field.get("description", "")), f"{path}: {field.get('description')!r}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_default_is_told_where_kubectl_explain_shows_it(kind: Kind) -> None:
    properties = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]

    def told(node: Schema, path: str) -> None:
        default = node.get("default", {})
        if default != {}:
            word = str(default).lower() if isinstance(default, bool) else str(default)
            assert node["description"].endswith(f"Default: {word}."), path
        inner = node["items"] if node["type"] == "array" else node
        for name, field in inner.get("properties", {}).items():
            told(field, f"{path}.{name}")

    told(properties["spec"], "spec")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_no_status_has_a_default(kind: Kind) -> None:
    assert [path for path, field in fields(kind) if path.startswith("status") and "default" in field] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_list_says_how_it_is_merged(kind: Kind) -> None:
    lists = [(path, field) for path, field in fields(kind) if field["type"] == "array"]
    assert [path for path, field in lists if "x-kubernetes-list-type" not in field] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_the_reference_has_every_field(kind: Kind) -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    for path, _ in fields(kind):
        assert f"`{path.rsplit('.', 1)[-1]}`" in page or path in ("spec", "status"), path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_column_shows_a_field_that_exists(kind: Kind) -> None:
    paths = {path for path, _ in fields(kind)} | {"metadata.creationTimestamp"}
    for column in COLUMNS[kind]:
        plain = re.sub(r"\[[^]]*\]", "", column.path).removeprefix(".")
        assert plain in paths or plain.startswith("status.counts."), column.path


@pytest.mark.parametrize("module", ["lessor.api", "lessor.api.names", "lessor.api.durations"])
def test_names_and_durations_load_without_pydantic(module: str) -> None:
    program = f"import sys, {module}; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
