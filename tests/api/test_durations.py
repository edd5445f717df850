"""Durations as text: what the codec, the models and CEL must agree on."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessor.api import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("6h30m", 23400),
        ("1.5h", 5400),
        ("250ms", 0.25),
        ("0s", 0),
        ("1m1m", 120),
        ("1h0.5m", 3630),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: float) -> None:
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "20", "1d", "woooo", "-5m", "+5m", "1h 30m", "5m\n", "1us", ".5h", "1.h", "٣m"])
def test_what_is_no_duration_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration such as 90s, 30m or 6h30m"):
        durations.parse(text)


@pytest.mark.parametrize("text", ["100000h", "10000000m", "1000000000s", "1000000000000ms", "1m" * 17])
def test_a_duration_that_cel_could_not_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="too long a duration: write 99999h at most"):
        durations.parse(text)


def test_the_longest_that_is_admitted_fits_into_cels_292_years() -> None:
    longest = "99999h" * (durations.CHARS_MAX // len("99999h"))
    assert durations.parse(longest) < timedelta(days=365 * 292)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (23400, "6h30m"), (1800, "30m"), (90, "1m30s"), (0.25, "250ms"), (86400, "24h")]
)
def test_a_duration_is_written_in_its_shortest_form(seconds: float, text: str) -> None:
    assert durations.format_duration(timedelta(seconds=seconds)) == text


def test_a_negative_duration_can_not_be_written() -> None:
    with pytest.raises(ValueError, match="can't be negative"):
        durations.format_duration(timedelta(seconds=-1))


@given(st.integers(min_value=0, max_value=99_999 * 3_600_000))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert durations.parse(durations.format_duration(duration)) == duration
