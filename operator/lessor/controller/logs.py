"""Log lines: JSON for machines, readable text on a terminal (design section 1), by the standard library's logging.

What a line is about goes into `extra`, made by `about`, so that it can be searched for:
`log.info("granted", extra=about("Lease", name="a", namespace="ci", uid=uid, reason="Bound"))`.
"""

import datetime as dt
import json
import logging
import sys
import traceback
from typing import Any, TextIO

FIELDS = ("kind", "namespace", "name", "uid", "reason")
LEVELS = ("debug", "info", "warning", "error")
# What these libraries say at INFO is about themselves, one line per watch and connection.
QUIET = ("aiohttp", "asyncio", "kopf", "urllib3")


def about(
    kind: str, *, name: str = "", namespace: str = "", uid: str = "", reason: str = ""
) -> dict[str, dict[str, str]]:
    """For `extra=`: the object that a line is about. In one key, because `name` is logging's own."""
    fields = {"kind": kind, "namespace": namespace, "name": name, "uid": uid, "reason": reason}
    return {"about": {key: value for key, value in fields.items() if value}}


def setup(style: str, level: str, stream: TextIO | None = None) -> None:
    """Sends all log lines of this process to `stream` (default: stderr) from `level` (one of LEVELS) upwards.

    `style` is "json", "text", or "auto": text on a terminal, JSON elsewhere.
    """
    out = stream or sys.stderr
    if style == "auto":
        style = "text" if out.isatty() else "json"
    handler = logging.StreamHandler(out)
    handler.setFormatter({"json": JsonLines, "text": Text}[style]())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in QUIET:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def _about(record: logging.LogRecord) -> dict[str, Any]:
    given = getattr(record, "about", None) or getattr(record, "k8s_ref", None) or {}  # k8s_ref: kopf's own lines
    return {key: given[key] for key in FIELDS if given.get(key)}


def _trace(record: logging.LogRecord) -> str:
    return "".join(traceback.format_exception(*record.exc_info)).rstrip() if record.exc_info else ""


class JsonLines(logging.Formatter):
    """One object a line: ts, level, logger, msg, what it is about, and `error` with the trace of a bug."""

    def format(self, record: logging.LogRecord) -> str:
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "ts": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        } | _about(record)
        if trace := _trace(record):
            line["error"] = trace
        return json.dumps(line, ensure_ascii=False, default=str)


class Text(logging.Formatter):
    """For a person: local time, level, message, what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        fields = _about(record)
        what = "/".join(str(fields[key]) for key in ("kind", "namespace", "name") if key in fields)
        rest = " ".join(f"{key}={fields[key]}" for key in ("uid", "reason") if key in fields)
        parts = (at, f"{record.levelname:<7}", f"{what}:" if what else "", record.getMessage(), rest and f"({rest})")
        trace = _trace(record)
        return " ".join(part for part in parts if part) + (f"\n{trace}" if trace else "")
