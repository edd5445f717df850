"""Answers that a healthy API server gives too rarely to wait for: from a server that says what it is told to."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from lessor.kube import credentials
from lessor.kube.client import Client
from lessor.kube.errors import (
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    KubeError,
    NotFound,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    from_status,
)
from tests.kube.wire import write_kubeconfig


class Script:
    """Gives the answers in order, the last one for ever; keeps what was asked."""

    def __init__(self) -> None:
        self.answers: list[Callable[[], web.StreamResponse]] = []
        self.asked: list[str] = []

    def says(self, *answers: web.Response | Callable[[], web.StreamResponse]) -> None:
        self.answers = [answer if callable(answer) else (lambda given=answer: given) for answer in answers]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked.append(f"{request.method} {request.path_qs}")
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def client(script: Script, tmp_path: Path) -> AsyncIterator[Client]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = write_kubeconfig(tmp_path / "c", {"token": "t"}, server=f"http://127.0.0.1:{runner.addresses[0][1]}/base/")
    async with Client(credentials.load(str(config))) as made:
        yield made
    await runner.cleanup()


def status(code: int, reason: str = "", message: str = "", **headers: str) -> web.Response:
    body = {"kind": "Status", "reason": reason, "message": message, "code": code}
    return web.json_response(body, status=code, headers={k.replace("_", "-"): v for k, v in headers.items()})


def page(*names: str, more: str = "") -> web.Response:
    items = [{"metadata": {"name": name}} for name in names]
    return web.json_response({"metadata": {"resourceVersion": "7", "continue": more}, "items": items})


async def test_a_server_below_a_path_is_asked_there(client: Client, script: Script) -> None:
    script.says(web.json_response({}))
    await client.get("/api/v1/namespaces/a")
    assert script.asked == ["GET /base/api/v1/namespaces/a"]


@pytest.mark.parametrize("code", [500, 502, 503, 504])
async def test_a_write_that_fails_inside_the_server_has_an_unknown_outcome_and_is_not_sent_again(
    client: Client, script: Script, code: int
) -> None:
    script.says(status(code, message="etcdserver: leader changed"))
    with pytest.raises(Unavailable, match="etcdserver: leader changed") as failed:
        await client.merge_patch("/x", {})
    assert failed.value.outcome_unknown
    assert failed.value.status == code
    assert len(script.asked) == 1


async def test_a_read_that_fails_inside_the_server_is_only_unavailable(client: Client, script: Script) -> None:
    script.says(status(503))
    with pytest.raises(Unavailable, match="GET /x was answered with 503") as failed:
        await client.get("/x")
    assert not failed.value.outcome_unknown


@pytest.mark.parametrize(("header", "seconds"), [("2.5", 2.5), ("0", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1)])
async def test_a_429_says_how_long_to_wait_and_is_not_sent_again(
    client: Client, script: Script, header: str, seconds: float
) -> None:
    script.says(status(429, Retry_After=header))
    with pytest.raises(TooManyRequests) as told:
        await client.create("/x", {})
    assert told.value.retry_after == seconds
    assert len(script.asked) == 1


async def test_a_429_without_a_hint_asks_for_a_second(client: Client, script: Script) -> None:
    script.says(status(429))
    with pytest.raises(TooManyRequests) as told:
        await client.create("/x", {})
    assert told.value.retry_after == 1


async def test_a_401_is_not_sent_again_with_the_same_credentials(client: Client, script: Script) -> None:
    script.says(status(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(Unauthorized):
        await client.create("/x", {})
    assert len(script.asked) == 1


async def test_pages_that_expire_underway_are_listed_again_in_one(client: Client, script: Script) -> None:
    script.says(page("a", more="x y"), status(410, "Expired", "too old"), page("a", "b"))
    items, version = await client.list("/x", limit=1)
    assert [item["metadata"]["name"] for item in items] == ["a", "b"]
    assert version == 7
    assert script.asked == ["GET /base/x?limit=1", "GET /base/x?limit=1&continue=x+y", "GET /base/x"]


async def test_a_login_page_is_not_followed_and_not_taken_for_an_answer(client: Client, script: Script) -> None:
    script.says(web.Response(status=302, headers={"Location": "/login"}))
    with pytest.raises(KubeError, match="GET /x was answered with 302"):
        await client.get("/x")
    script.says(web.Response(text="<html>please log in</html>"))
    with pytest.raises(Unavailable, match="the answer is not JSON, is this an API server"):
        await client.get("/x")


async def test_an_answer_that_breaks_off_has_an_unknown_outcome(client: Client, script: Script) -> None:
    def broken() -> web.StreamResponse:
        response = web.Response(body=b'{"metadata":')
        response.headers["Content-Length"] = "100"
        response.force_close()
        return response

    script.says(broken)
    with pytest.raises(Unavailable, match="the connection broke before the answer") as lost:
        await client.create("/x", {})
    assert lost.value.outcome_unknown


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", Invalid),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (404, "", NotFound),
        (409, "Conflict", Conflict),
        (410, "Gone", Gone),
        (410, "Expired", Gone),
        (413, "RequestEntityTooLarge", Invalid),
        (415, "UnsupportedMediaType", Invalid),
        (422, "Invalid", Invalid),
        (500, "ServerTimeout", Unavailable),
        (405, "MethodNotAllowed", KubeError),
    ],
)
def test_each_answer_has_one_class(code: int, reason: str, kind: type[KubeError]) -> None:
    error = from_status(code, {"reason": reason, "message": "why"}, request="PATCH /x", write=True)
    assert type(error) is kind
    assert (str(error), error.status, error.reason) == ("why", code, reason)
