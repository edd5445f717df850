"""Log lines as a collector and as a person gets them."""

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest

from lessor.controller import logs

log = logging.getLogger("lessor.test")


@pytest.fixture(autouse=True)
def root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_json_line_has_the_fields_that_are_searched_for() -> None:
    out = io.StringIO()
    logs.setup("json", "info", out)
    log.info("granted %s", "aws-1", extra=logs.about("Lease", namespace="ci", name="a", uid="u1", reason="Bound"))
    line = json.loads(out.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("ts"))
    assert line == {
        "level": "info",
        "logger": "lessor.test",
        "msg": "granted aws-1",
        "kind": "Lease",
        "namespace": "ci",
        "name": "a",
        "uid": "u1",
        "reason": "Bound",
    }


def test_a_line_about_nothing_in_particular_has_no_empty_fields() -> None:
    out = io.StringIO()
    logs.setup("json", "info", out)
    log.warning("über uns\nzwei")
    log.info("a pool", extra=logs.about("Pool", name="aws"))
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert (first.keys() - {"ts"}, first["msg"]) == ({"level", "logger", "msg"}, "über uns\nzwei")
    assert {key: second[key] for key in second.keys() & set(logs.FIELDS)} == {"kind": "Pool", "name": "aws"}


@pytest.mark.parametrize("style", ["json", "text"])
def test_a_bug_keeps_its_trace(style: str) -> None:
    out = io.StringIO()
    logs.setup(style, "info", out)
    try:
        raise KeyError("x")
    except KeyError:
        log.exception("failed")
    assert "KeyError: 'x'" in out.getvalue()
    assert "test_logs.py" in out.getvalue()


def test_a_line_for_a_person_is_short() -> None:
    out = io.StringIO()
    logs.setup("text", "info", out)
    log.info("granted", extra=logs.about("Lease", namespace="ci", name="a", reason="Bound"))
    log.info("plain")
    first, second = out.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} INFO    Lease/ci/a: granted \(reason=Bound\)", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} INFO    plain", second)


@pytest.mark.parametrize(("stream", "first"), [(Terminal(), "0123456789"), (io.StringIO(), "{")])
def test_left_alone_it_is_text_on_a_terminal_and_json_elsewhere(stream: io.StringIO, first: str) -> None:
    logs.setup("auto", "info", stream)
    log.info("x")
    assert stream.getvalue()[0] in first


def test_the_level_holds_and_libraries_are_quiet_at_info() -> None:
    out = io.StringIO()
    logs.setup("json", "info", out)
    log.debug("no")
    logging.getLogger("kopf.objects").info("no")
    logging.getLogger("kopf.objects").warning("kopf's", extra={"k8s_ref": {"kind": "Pool", "name": "aws", "uid": "u"}})
    (line,) = out.getvalue().splitlines()
    assert (json.loads(line)["msg"], json.loads(line)["name"]) == ("kopf's", "aws")
    logs.setup("json", "error", out)
    logging.getLogger("kopf.objects").warning("no")
    log.warning("no")
    assert len(out.getvalue().splitlines()) == 1
