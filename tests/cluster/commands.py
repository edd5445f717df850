"""The command line as the process that it is."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS_MAX = 60.0


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def cells(self) -> list[list[str]]:
        """A table's rows without their header; its columns are two blanks apart or more."""
        return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in self.lines[1:]]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def lessor(kubeconfig: Path, *words: str) -> Said:
    """Runs `lessor WORDS`. No traceback, whatever comes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lessor.cli.main", *words, "--kubeconfig", str(kubeconfig),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), SECONDS_MAX)
    said = Said(process.returncode or 0, out.decode(), err.decode())
    assert "Traceback" not in said.err, said.err
    return said
