"""The command `lessor`. Starts fast: what a command needs is imported when it runs.

An error is one sentence on stderr and one of the exit codes in `exits`.
"""

import importlib
import sys
from typing import Any

import click

import lessor
from lessor.cli import commands, exits
from lessor.cli.options import Address, Command, Duration, OperatorOptions, flag, own_namespace
from lessor.kube.errors import KubeError


class Lessor(click.Group):
    """A group in which what the cluster or its kubeconfig got wrong is a sentence and not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KubeError as e:
            raise exits.failure(e) from e


@click.group(
    cls=Lessor,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=exits.HELP,
)
@click.version_option(lessor.__version__, prog_name="lessor", message="%(prog)s %(version)s")
def main() -> None:
    """Lends scarce CI resources to Kubernetes jobs, one holder at a time."""


for _command in (commands.get, commands.explain, commands.cordon, commands.uncordon):
    main.add_command(_command)


_OPERATOR_FLAGS = (
    flag("--kubeconfig", metavar="PATH", help="The cluster; default: $KUBECONFIG, the pod's own, ~/.kube/config."),
    flag("--context", metavar="NAME", help="A context of the kubeconfig; default: its current one."),
    flag(
        "--listen",
        type=Address(),
        default=":8082",
        show_default=True,
        help="Where /healthz, /readyz and /metrics are served; port 0 is a free one, printed at start.",
    ),
    flag(
        "--namespace",
        metavar="NAME",
        default=own_namespace,
        show_default="the pod's, else lessor-system",
        help="Where the election Lease is.",
    ),
    flag(
        "--lease-duration",
        type=Duration(),
        default="8s",
        show_default=True,
        help="Another leads when the leader has not renewed for so long.",
    ),
    flag(
        "--renew-deadline",
        type=Duration(),
        default="5s",
        show_default=True,
        help="The leader stops when it could not renew for so long.",
    ),
    flag(
        "--retry-period",
        type=Duration(),
        default="1s",
        show_default=True,
        help="How often leadership is renewed or tried for.",
    ),
    flag(
        "--writes-in-flight",
        type=click.IntRange(1, 1024),
        default=64,
        show_default=True,
        help="How many writes wait for the API server at once.",
    ),
    flag(
        "--resync",
        type=Duration(),
        default="300s",
        show_default=True,
        help="How often everything is listed, which heals missed events.",
    ),
    flag(
        "--log-format",
        type=click.Choice(["auto", "json", "text"]),
        default="auto",
        show_default="text on a terminal, else json",
        help="One JSON object a line, or text for people.",
    ),
    flag(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default="info",
        show_default=True,
        help="The least important lines to write.",
    ),
)


def _operator_flags(command: Command) -> Command:
    for decorate in reversed(_OPERATOR_FLAGS):
        command = decorate(command)
    return command


@main.command()
@_operator_flags
def operator(**given: Any) -> None:
    """Run the operator: grants leases, ends them, keeps pools. Two replicas: one leads, the other stands by."""
    _start("operator", given)


@main.command()
@_operator_flags
def run(**given: Any) -> None:
    """Run everything in one process, for one machine and small clusters."""
    _start("run", given)


def _start(process: str, given: dict[str, Any]) -> None:
    host, port = given.pop("listen")
    options = OperatorOptions(listen_host=host, listen_port=port, **given)
    _check_timing(options)
    # By name, so that this module (and `lessor --help`) does not import the processes; import-linter keeps it so.
    getattr(importlib.import_module("lessor.run"), process)(options)


def _check_timing(options: OperatorOptions) -> None:
    from lessor.kube.election import Timing

    try:
        Timing(options.lease_duration, options.renew_deadline, options.retry_period)
    except ValueError as e:
        raise click.UsageError(f"{e} (--lease-duration, --renew-deadline, --retry-period)") from e


if __name__ == "__main__":
    sys.exit(main())
