"""Exit codes, and what becomes of an error: one sentence on stderr and one of these codes. The only place for both."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import click

from lessor.kube.errors import Forbidden, KubeError, NotFound


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2  # click's own
    NOT_FOUND = 3
    NOT_PERMITTED = 4


_MEANING = {
    Exit.DONE: "done (also if there is nothing to show)",
    Exit.FAILED: "failed",
    Exit.USAGE: "wrong usage",
    Exit.NOT_FOUND: "an object that was named is not there",
    Exit.NOT_PERMITTED: "not permitted",
}
HELP = "Exit codes: " + ", ".join(f"{code:d} {meaning}" for code, meaning in _MEANING.items()) + "."


class Failure(click.ClickException):
    """A sentence for people, and the code that a script sees."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit_code = int(code)  # type: ignore[misc]  # click has one for each class


def failure(error: KubeError) -> Failure:
    """The API server's no, as a sentence and a code."""
    if isinstance(error, Forbidden):  # its message names who, the verb, and what
        return Failure(f"{error.message}; ask an administrator for that right", Exit.NOT_PERMITTED)
    return Failure(error.message, Exit.NOT_FOUND if isinstance(error, NotFound) else Exit.FAILED)


def fail_with(failures: Sequence[Failure]) -> None:
    """After a command on several objects: says what went wrong with some of them, and ends with the first one's
    code."""
    for one in failures:
        one.show()
    if failures:
        raise click.exceptions.Exit(failures[0].exit_code)
