"""What time it is, where the operator's own clock may be wrong."""

from lessor.core.contact import Contact

MONO, SERVER = 500.0, 1_800_000_000.0
DAY = 86_400.0


def test_clocks_that_agree_within_what_a_date_header_tells_leave_the_own_one() -> None:
    contact = Contact()
    contact.tell_server_clock(SERVER, MONO)
    assert contact.true_wall(SERVER + 0.9, MONO) == SERVER + 0.9


def test_a_clock_that_is_a_day_off_is_not_used() -> None:
    contact = Contact()
    contact.tell_server_clock(SERVER, MONO)
    assert contact.true_wall(SERVER - DAY + 60, MONO + 60) == SERVER + 60


def test_before_the_server_was_heard_there_is_only_the_own_clock() -> None:
    assert Contact().true_wall(SERVER - DAY, MONO) == SERVER - DAY
