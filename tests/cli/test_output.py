"""Tables, ages, JSON and YAML."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lessor.api import names
from lessor.cli import output
from tests.kube import bodies

TEXT = st.text(max_size=200)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "<unknown>"),
        (-5, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (18_720, "5h12m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (183_600, "2d3h"),
        (691_200, "8d"),
        (63_071_999, "729d"),
        (63_072_000, "2y"),
        (63_158_400, "2y1d"),
        (252_288_000, "8y"),
    ],
)
def test_an_age_reads_as_kubectls(seconds: float | None, words: str) -> None:
    assert output.age(seconds) == words


def test_a_table_is_aligned_and_says_what_is_not_known_by_a_dash() -> None:
    lines = output.table(["NAME", "STATE"], [["aws-1", "free"], ["a", None], ["b", ""], ["c", 0]]).splitlines()
    assert lines == ["NAME   STATE", "aws-1  free", "a      -", "b      -", "c      0"]


def test_a_name_that_is_too_long_loses_its_middle_and_keeps_both_ends() -> None:
    name = "hypershift-" + "q" * 150 + "-slice-17"
    (_, line) = output.table(["NAME", "STATE", "HOLDER"], [[name, "leased", "team-a/e2e"]]).splitlines()
    assert len(line) == output.WIDTH_MAX
    assert line.startswith("hypershift-qq") and "-slice-17  leased  team-a/e2e" in line


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), max_size=5))
def test_no_line_of_a_table_is_too_wide_or_moves_the_cursor(rows: list[tuple[str, ...]]) -> None:
    lines = output.table(["NAMESPACE", "NAME", "REASON", "HOLDER"], rows).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(len(line) <= output.WIDTH_MAX for line in lines)
    assert all(line.isprintable() for line in lines)


def test_an_identity_with_control_characters_is_shown_without_them() -> None:
    assert output.printable("job\n\x1b[2Jgone") == "job \N{REPLACEMENT CHARACTER}[2Jgone"


def test_one_named_object_is_itself_and_several_are_the_list_of_kubectl() -> None:
    lease = bodies.lease({"state": "Waiting"})
    noisy = lease | {"metadata": lease["metadata"] | {"managedFields": [{"manager": "kubectl"}]}}
    assert json.loads(output.objects(names.LEASE, [noisy], "json", single=True)) == lease
    listed = json.loads(output.objects(names.LEASE, [noisy], "json", single=False))
    assert listed == {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [lease]}
    assert json.loads(output.objects(names.LEASE, [], "json", single=False))["items"] == []


def test_a_name_is_what_kubectl_takes() -> None:
    assert output.objects(names.LEASE, [bodies.lease()], "name", single=False) == "lease.lessor.dev/e2e"
    assert output.objects(names.POOL, [bodies.pool()], "name", single=True) == "pool.lessor.dev/aws"


@settings(deadline=None)
@given(st.dictionaries(TEXT, TEXT | st.integers() | st.booleans() | st.none() | st.lists(TEXT, max_size=2), max_size=3))
def test_yaml_reads_back_as_it_was(value: dict[str, object]) -> None:
    assert yaml.safe_load(output.data(value, "yaml")) == value
    assert json.loads(output.data(value, "json")) == value


@pytest.mark.parametrize(
    "text", ["1e3", "-1E5", "1.e2", ".5e1", "0o17", "on", "yes", "1.0", "0x1f", "2026-11-24T15:00:00Z"]
)
def test_what_another_reader_of_yaml_takes_for_a_number_is_quoted(text: str) -> None:
    assert output.data({"a": text}, "yaml") == f"a: '{text}'"
