"""The HTTP side, asked over HTTP."""

import socket
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest

from lessor.controller.health import Health, ListenFailed
from lessor.controller.metrics import Metrics


class Operator:
    """What the operator says of itself, and how it is asked."""

    def __init__(self) -> None:
        self.ready: tuple[bool, Sequence[str]] = (False, [])
        self.metrics = Metrics()
        self.health = Health(self.metrics.registry, lambda: self.ready)
        self.port = 0

    async def get(self, path: str, host: str = "127.0.0.1", **headers: str) -> tuple[int, str, str]:
        url = f"http://{host}:{self.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
            return response.status, await response.text(), response.headers["Content-Type"]


@pytest.fixture
async def operator() -> AsyncIterator[Operator]:
    made = Operator()
    made.port = await made.health.start("127.0.0.1", 0)
    yield made
    await made.health.stop()


async def test_port_0_is_a_free_one_and_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    operator = Operator()
    port = await operator.health.start("127.0.0.1", 0)
    await operator.health.stop()
    assert port > 0
    assert f"listening on http://127.0.0.1:{port} (healthz, readyz, metrics)" in caplog.text


async def test_it_is_alive_also_when_it_is_not_ready(operator: Operator) -> None:
    assert (await operator.get("/healthz"))[:2] == (200, "ok\n")


async def test_not_ready_says_in_sentences_what_is_missing(operator: Operator) -> None:
    operator.ready = (False, ["pools are not listed yet", "nothing heard of leases for 140 s"])
    assert (await operator.get("/readyz"))[:2] == (503, "pools are not listed yet\nnothing heard of leases for 140 s\n")


async def test_ready_is_asked_at_each_request(operator: Operator) -> None:
    operator.ready = (True, ["standing by"])
    assert (await operator.get("/readyz"))[:2] == (200, "standing by\n")
    operator.ready = (True, [])
    assert (await operator.get("/readyz"))[:2] == (200, "ok\n")
    operator.ready = (False, [])
    assert (await operator.get("/readyz"))[:2] == (503, "not ready\n")


async def test_metrics_come_in_the_format_that_is_asked_for(operator: Operator) -> None:
    operator.metrics.leader.set(1)
    status, text, kind = await operator.get("/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert "\nlessor_leader 1.0\n" in text
    _, text, kind = await operator.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


async def test_nothing_else_is_served(operator: Operator) -> None:
    assert (await operator.get("/"))[0] == 404


async def test_without_a_host_it_listens_everywhere_on_one_port() -> None:
    operator = Operator()
    operator.port = await operator.health.start("", 0)
    assert (await operator.get("/healthz"))[0] == 200
    if socket.has_dualstack_ipv6():
        assert (await operator.get("/healthz", host="[::1]"))[0] == 200
    await operator.health.stop()


async def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenFailed) as told:
            await Operator().health.start("127.0.0.1", port)
    assert str(told.value) == (
        f"can't listen on 127.0.0.1:{port}: address already in use; "
        "choose another address with --listen (port 0: a free one)"
    )


async def test_a_host_that_is_not_this_machine_is_one_sentence() -> None:
    with pytest.raises(ListenFailed, match=r"^can't listen on 192\.0\.2\.1:0: cannot assign requested address; "):
        await Operator().health.start("192.0.2.1", 0)
    with pytest.raises(ListenFailed, match=r"^can't listen on nowhere\.invalid:0: "):
        await Operator().health.start("nowhere.invalid", 0)
