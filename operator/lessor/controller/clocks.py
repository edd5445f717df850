"""One reading of time for the whole process: decisions, what is written, metrics, Events."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from lessor.core.contact import Contact
from lessor.core.model import Now
from lessor.kube.election import boot_seconds

Clocks: TypeAlias = Callable[[], Now]


def clocks_of(contact: Contact) -> Clocks:
    """Both clocks. The wall clock is the API server's where this machine's is wrong."""

    def read() -> Now:
        mono = boot_seconds()
        return Now(wall=contact.true_wall(time.time(), mono), mono=mono)

    return read
