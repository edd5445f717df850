"""How things are shown: tables and ages for people; JSON, YAML and names for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from lessor.api import names
from lessor.kube.views import moment

Json = dict[str, Any]
WIDTH_MAX = 120  # characters of a table's line
_GAP = "  "
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def age(seconds: float | None) -> str:
    """As kubectl writes it: two units while they matter (3m20s, 5h12m, 2d3h), then one."""
    if seconds is None:
        return "<unknown>"
    s = max(0, int(seconds))  # clocks differ by a little
    if s < 2 * _MINUTE:
        return f"{s}s"
    if s < 10 * _MINUTE:
        return _two(s, _MINUTE, "m", 1, "s")
    if s < 3 * _HOUR:
        return f"{s // _MINUTE}m"
    if s < 8 * _HOUR:
        return _two(s, _HOUR, "h", _MINUTE, "m")
    if s < 2 * _DAY:
        return f"{s // _HOUR}h"
    if s < 8 * _DAY:
        return _two(s, _DAY, "d", _HOUR, "h")
    if s < 2 * _YEAR:
        return f"{s // _DAY}d"
    return _two(s, _YEAR, "y", _DAY, "d") if s < 8 * _YEAR else f"{s // _YEAR}y"


def since(text: str, wall: float) -> str:
    """The age at `wall` (seconds since the epoch) of an RFC 3339 time."""
    at = moment(text)
    return age(None if at is None else wall - at)


def _two(s: int, big: int, big_unit: str, small: int, small_unit: str) -> str:
    rest = s % big // small
    return f"{s // big}{big_unit}" + (f"{rest}{small_unit}" if rest else "")


def printable(text: str) -> str:
    """On one line, and without what would move a terminal's cursor: an identity or a reason is anybody's text."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shortened(text: str, length: int) -> str:
    """Without its middle: both the beginning and the end of a name tell it from others."""
    if len(text) <= length:
        return text
    tail = (length - 1) // 2
    return f"{text[: length - 1 - tail]}…{text[len(text) - tail :]}"


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns side by side in WIDTH_MAX; the widest are shortened first. Nothing known is a dash."""
    cells = [[printable(str(cell)) if cell not in (None, "") else "-" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    while sum(widths) + len(_GAP) * (len(widths) - 1) > WIDTH_MAX:
        widths[widths.index(max(widths))] -= 1
    lines = (
        _GAP.join(shortened(cell, width).ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [list(header), *cells]
    )
    return "\n".join(lines)


def objects(kind: names.Kind, bodies: Sequence[Json], output: str, *, single: bool) -> str:
    """Objects of a kind as json, yaml or name; several as the List that kubectl prints."""
    if output == "name":
        return "\n".join(f"{kind.singular}.{names.GROUP}/{body['metadata']['name']}" for body in bodies)
    shown = [_without_managed_fields(body) for body in bodies]
    if single and len(shown) == 1:
        return data(shown[0], output)
    return data({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": shown}, output)


def data(value: Mapping[str, Any], output: str) -> str:
    if output == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    return yaml.dump(
        dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=WIDTH_MAX
    ).rstrip("\n")


def _without_managed_fields(body: Json) -> Json:
    """As kubectl shows it."""
    meta = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return body | {"metadata": meta}


class _Dumper(yaml.SafeDumper):
    """Quotes what only other readers of YAML take for numbers (kubectl's for example: 1e3), and repeats instead of
    using anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """What can't be seen is escaped: PyYAML reads some of it otherwise than it was written (U+0085)."""
    seen = all(c.isprintable() or c == "\n" for c in text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if seen else '"')


_NUMBER_ELSEWHERE = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+|0o[0-7]+")
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER_ELSEWHERE, list("-+.0123456789"))
_Dumper.add_representer(str, _text)
