"""The processes, and all of them in one. The only module that may import several; the command line loads it by name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from lessor.controller import logs
from lessor.controller.main import CannotStart, Operator, Settings
from lessor.kube.election import Timing
from lessor.kube.errors import KubeError

if TYPE_CHECKING:
    from lessor.cli.options import OperatorOptions


class Failed(click.ClickException):
    """Why a process ended, in one sentence for whoever started it: no traceback, exit code 1."""


def operator(options: OperatorOptions) -> None:
    """`lessor operator`: until a signal. Raises Failed."""
    _run(options, make_namespace=False)


def run(options: OperatorOptions) -> None:
    """`lessor run`: everything in one process, for one machine. Raises Failed."""
    _run(options, make_namespace=True)


def _run(options: OperatorOptions, *, make_namespace: bool) -> None:
    logs.setup(options.log_format, options.log_level)
    settings = Settings(
        kubeconfig=options.kubeconfig,
        context=options.context,
        listen_host=options.listen_host,
        listen_port=options.listen_port,
        namespace=options.namespace,
        make_namespace=make_namespace,
        timing=Timing(options.lease_duration, options.renew_deadline, options.retry_period),
        writes_in_flight=options.writes_in_flight,
        resync=options.resync,
    )
    try:
        asyncio.run(_operate(settings))
    except (CannotStart, KubeError, OSError) as e:
        raise Failed(str(e)) from e


async def _operate(settings: Settings) -> None:
    await Operator(settings).run()
