"""Who we are, from files as people write them. What the API server says to it: test_client."""

import asyncio
import base64
import datetime as dt
import json
import os
import re
import ssl
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientTimeout, web

from lessor.kube import credentials
from lessor.kube.client import Client
from lessor.kube.credentials import Credentials
from lessor.kube.errors import NoCredentials
from tests.kube.wire import exec_credential, write_kubeconfig


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No cluster but the one that a test names: no pod, no $KUBECONFIG, an empty home."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def plugin(path: Path | str, **exec_fields: Any) -> dict[str, Any]:
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(path),
            "interactiveMode": "Never",
        }
        | exec_fields
    }


def home_config(user: dict[str, Any]) -> Path:
    folder = Path(os.environ["HOME"]) / ".kube"
    folder.mkdir(parents=True)
    return write_kubeconfig(folder / "config", user)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


# Where it comes from


def test_the_path_that_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "env", {"token": "of-the-environment"})))
    assert credentials.load().authorization == "Bearer of-the-environment"
    given = write_kubeconfig(tmp_path / "given", {"token": "given"})
    assert credentials.load(str(given)).authorization == "Bearer given"


def test_in_a_pod_the_service_account_is_used_unless_a_kubeconfig_or_a_context_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "pod"
    folder.mkdir()
    make_ca(tmp_path)
    (folder / "token").write_text("of-the-pod\n")
    (folder / "namespace").write_text("ci\n")
    (folder / "ca.crt").write_bytes((tmp_path / "ca.crt").read_bytes())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    home_config({"token": "of-the-home"})

    found = credentials.load(pod=folder)
    assert (found.server, found.namespace, found.authorization) == ("https://10.0.0.1:443", "ci", "Bearer of-the-pod")
    assert found.origin == "the pod's service account"
    assert credentials.load(context="ctx", pod=folder).authorization == "Bearer of-the-home"
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "env", {"token": "of-the-environment"})))
    assert credentials.load(pod=folder).authorization == "Bearer of-the-environment"


def test_outside_a_pod_the_home_is_looked_at(tmp_path: Path) -> None:
    config = home_config({"token": "t"})
    assert credentials.load(pod=tmp_path).origin == f"kubeconfig {config}, context ctx"


def test_with_nothing_at_all_the_sentence_says_what_was_looked_for_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoCredentials) as told:
        credentials.load(pod=tmp_path)
    assert str(told.value) == (
        "there is no cluster to talk to: this is not a pod, $KUBECONFIG is not set and ~/.kube/config is not there; "
        "give --kubeconfig PATH or export KUBECONFIG=PATH"
    )


def test_several_kubeconfigs_are_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = write_kubeconfig(tmp_path / "a", {"token": "a"})
    second = tmp_path / "b"
    text = yaml.safe_load(first.read_text())
    text["users"][0] = {"name": "u2", "user": {"token": "b"}}
    text["contexts"][0] = {"name": "ctx2", "context": {"cluster": "c", "user": "u2", "namespace": "ci"}}
    second.write_text(yaml.safe_dump(text))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}:{tmp_path / 'missing'}")
    found = credentials.load(context="ctx2")
    assert (found.authorization, found.namespace) == ("Bearer b", "ci")


# What it says


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "t"}, "Bearer t"),
        ({"username": "u", "password": "p"}, "Basic " + base64.b64encode(b"u:p").decode()),
        ({}, None),
        (None, None),
    ],
)
def test_a_user_becomes_a_header(user: dict[str, Any] | None, header: str | None, tmp_path: Path) -> None:
    assert credentials.load(str(write_kubeconfig(tmp_path / "config", user))).authorization == header


def test_a_token_file_is_relative_to_its_kubeconfig_and_its_line_end_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t\n")
    found = credentials.load(str(write_kubeconfig(tmp_path / "config", {"tokenFile": "token"})))
    assert found.authorization == "Bearer t"


async def test_a_token_file_is_read_again_when_what_was_read_is_a_minute_old(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    known, clock = ageing(write_kubeconfig(tmp_path / "config", {"tokenFile": "token"}))
    (tmp_path / "token").write_text("second")
    clock.now = 59
    assert await known.header() == "Bearer first"
    clock.now = 61
    assert await known.header() == "Bearer second"


async def test_a_token_file_that_is_gone_for_a_moment_leaves_the_old_token_in_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token").write_text("first")
    known, clock = ageing(write_kubeconfig(tmp_path / "config", {"tokenFile": "token"}))
    (tmp_path / "token").unlink()
    clock.now = 61
    assert await known.header() == "Bearer first"
    assert "could not be read again, the old ones stay in use" in caplog.text
    (tmp_path / "token").write_text("second")
    assert await known.header() == "Bearer first", "not at every request"
    clock.now = 72
    assert await known.header() == "Bearer second"


async def test_the_same_certificates_keep_the_same_tls_context_so_that_connections_live_on(tmp_path: Path) -> None:
    make_ca(tmp_path)
    (tmp_path / "token").write_text("first")
    ca = {"certificate-authority": str(tmp_path / "ca.crt")}
    known, clock = ageing(write_kubeconfig(tmp_path / "config", {"tokenFile": "token"}, **ca))
    before = known.ssl
    clock.now = 61
    await known.header()
    assert known.ssl is before


async def test_many_rejected_requests_load_the_credentials_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    command = script(tmp_path / "plugin", f"echo run >> {runs}\necho '{exec_credential(token='t')}'\n")
    known, clock = ageing(write_kubeconfig(tmp_path / "config", plugin(command)))
    clock.now = 100
    await asyncio.gather(*(known.renew("Bearer t") for _ in range(20)))
    assert runs.read_text().count("run") == 2, "one at the start, one for all"
    clock.now = 102
    assert not await known.renew("Bearer t"), "a revoked account does not run its plugin all day"
    assert runs.read_text().count("run") == 2


async def test_a_rejected_header_that_was_replaced_meanwhile_is_not_replaced_again(tmp_path: Path) -> None:
    known, _ = ageing(write_kubeconfig(tmp_path / "config", {"token": "new"}))
    assert await known.renew("Bearer old")


def ageing(config: Path) -> tuple[Credentials, Clock]:
    clock = Clock()
    return credentials.load(str(config), clock=clock), clock


# Exec plugins and OIDC


def test_an_exec_plugin_gives_a_token_and_its_command_may_be_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    script(tmp_path / "plugin", f"""test "$WHO" = me && test "$1" = get && echo '{exec_credential(token="t")}'""")
    user = plugin("./plugin", args=["get"], env=[{"name": "WHO", "value": "me"}])
    assert credentials.load(str(write_kubeconfig(tmp_path / "config", user))).authorization == "Bearer t"


async def test_an_exec_plugin_runs_again_a_minute_before_its_token_expires(tmp_path: Path) -> None:
    expires = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=600)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = tmp_path / "answer"
    answer.write_text(exec_credential(token="first", expirationTimestamp=expires))
    command = script(tmp_path / "plugin", f"cat {answer}\n")
    known, clock = ageing(write_kubeconfig(tmp_path / "config", plugin(command)))
    answer.write_text(exec_credential(token="second"))
    clock.now = 500
    assert await known.header() == "Bearer first"
    clock.now = 545
    assert await known.header() == "Bearer second"
    clock.now = 1e9
    assert await known.header() == "Bearer second", "without an expiry it is good until the server says no"


async def test_an_exec_plugin_that_hands_out_nearly_expired_tokens_is_not_run_at_every_request(tmp_path: Path) -> None:
    soon = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    runs = tmp_path / "runs"
    given = exec_credential(token="t", expirationTimestamp=soon)
    command = script(tmp_path / "plugin", f"echo run >> {runs}\necho '{given}'\n")
    known, clock = ageing(write_kubeconfig(tmp_path / "config", plugin(command)))
    for clock.now in (0, 5, 9):
        await known.header()
    assert runs.read_text().count("run") == 1
    clock.now = 11
    await known.header()
    assert runs.read_text().count("run") == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("echo 'please log in' >&2\nexit 1\n", "gave no credentials: exec: process returned 1. please log in"),
        ("echo nonsense\n", "gave no credentials: exec: failed to decode process output"),
        ("echo '{}'\n", "gave no credentials: exec: malformed response. missing key 'apiVersion'"),
        (f"echo '{exec_credential()}'\n", "gave neither a token nor a client certificate"),
    ],
)
def test_an_exec_plugin_that_fails_is_an_error_with_its_own_words(text: str, sentence: str, tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "config", plugin(script(tmp_path / "plugin", text)))
    with pytest.raises(NoCredentials, match=re.escape(sentence)):
        credentials.load(str(config))


def test_an_exec_plugin_that_is_not_installed_is_named_with_its_hint(tmp_path: Path) -> None:
    config = write_kubeconfig(tmp_path / "config", plugin("no-such-plugin", installHint="From\nthere."))
    with pytest.raises(NoCredentials) as told:
        credentials.load(str(config))
    assert str(told.value) == (
        f"kubeconfig {config}, context ctx: the command 'no-such-plugin' that gives the credentials is not installed "
        "(From there.)"
    )


def jwt(**claims: Any) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims)}.{part('x')}"


def oidc(issuer: str, token: str) -> dict[str, Any]:
    config = {
        "idp-issuer-url": issuer,
        "client-id": "lessor",
        "client-secret": "s",
        "id-token": token,
        "refresh-token": "r1",
    }
    return {"auth-provider": {"name": "oidc", "config": config}}


async def test_an_expired_oidc_token_is_refreshed_and_the_new_refresh_token_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    valid = jwt(exp=4102444800)
    app = web.Application()

    async def discovery(request: web.Request) -> web.Response:
        return web.json_response({"token_endpoint": f"http://{request.host}/token"})

    async def token(request: web.Request) -> web.Response:
        assert (await request.post())["refresh_token"] == "r1"
        return web.json_response(
            {"access_token": "a", "token_type": "bearer", "id_token": valid, "refresh_token": "r2"}
        )

    app.router.add_get("/.well-known/openid-configuration", discovery)
    app.router.add_post("/token", token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
        config = write_kubeconfig(tmp_path / "config", oidc(issuer, jwt(exp=1)))
        found = await asyncio.to_thread(credentials.load, str(config))
        assert found.authorization == f"Bearer {valid}"
        kept = yaml.safe_load(config.read_text())["users"][0]["user"]["auth-provider"]["config"]
        assert (kept["id-token"], kept["refresh-token"]) == (valid, "r2")
    finally:
        await runner.cleanup()


def test_a_valid_oidc_token_is_used_as_it_is(tmp_path: Path) -> None:
    token = jwt(exp=4102444800)
    config = write_kubeconfig(tmp_path / "config", oidc("https://issuer.invalid", token))
    assert credentials.load(str(config)).authorization == f"Bearer {token}"


# Client certificates


def make_ca(folder: Path) -> None:
    """ca.crt, and server.pem and client.pem (key and certificate) signed by it."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=test-ca", "-keyout", folder / "ca.key", "-out", folder / "ca.crt")  # fmt: skip
    for name, alternative in (("server", "IP:127.0.0.1,DNS:cluster.example"), ("client", "DNS:client")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}-name",
                "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")  # fmt: skip
        (folder / "ext").write_text(f"subjectAltName={alternative}")
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key",
                "-CAcreateserial", "-extfile", folder / "ext", "-out", folder / f"{name}.crt")  # fmt: skip


def openssl(*args: str | Path) -> None:
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


class TlsServer:
    """Answers every GET with the name in the client's certificate."""

    def __init__(self, folder: Path) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
        self._context.load_cert_chain(folder / "server.crt", folder / "server.key")
        self._context.verify_mode = ssl.CERT_OPTIONAL

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_get("/who", self._who)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context).start()
        return f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _who(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        shown = request.transport.get_extra_info("peercert") or {}
        names = [value for part in shown.get("subject", ()) for key, value in part if key == "commonName"]
        return web.json_response({"metadata": {"name": names[0] if names else None}})


async def who(config: Path) -> str | None:
    async with Client(credentials.load(str(config))) as client:
        name: str | None = (await client.get("/who"))["metadata"]["name"]
        return name


@pytest.mark.parametrize("inline", [False, True])
async def test_a_client_certificate_is_shown_to_the_server(tmp_path: Path, inline: bool) -> None:
    make_ca(tmp_path)

    def named(key: str, path: Path) -> dict[str, str]:
        return {f"{key}-data": base64.b64encode(path.read_bytes()).decode()} if inline else {key: str(path)}

    user = named("client-certificate", tmp_path / "client.crt") | named("client-key", tmp_path / "client.key")
    async with TlsServer(tmp_path) as url:
        ca = named("certificate-authority", tmp_path / "ca.crt")
        assert await who(write_kubeconfig(tmp_path / "config", user, server=url, **ca)) == "client-name"
        assert await who(write_kubeconfig(tmp_path / "config", None, server=url, **ca)) is None


async def test_an_exec_plugin_may_give_a_client_certificate(tmp_path: Path) -> None:
    make_ca(tmp_path)
    given = exec_credential(
        clientCertificateData=(tmp_path / "client.crt").read_text(), clientKeyData=(tmp_path / "client.key").read_text()
    )
    (tmp_path / "given").write_text(given)
    user = plugin(script(tmp_path / "plugin", f"cat {tmp_path / 'given'}\n"))
    async with TlsServer(tmp_path) as url:
        ca = {"certificate-authority": str(tmp_path / "ca.crt")}
        assert await who(write_kubeconfig(tmp_path / "config", user, server=url, **ca)) == "client-name"


async def test_the_name_to_check_the_certificate_by_may_be_another_than_the_servers(tmp_path: Path) -> None:
    make_ca(tmp_path)
    async with TlsServer(tmp_path) as url:
        cluster = {
            "server": url.replace("127.0.0.1", "localhost"),
            "certificate-authority": str(tmp_path / "ca.crt"),
            "tls-server-name": "cluster.example",
        }
        assert await who(write_kubeconfig(tmp_path / "config", None, **cluster)) is None


def test_no_key_is_left_behind_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ca(tmp_path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    data = {
        f"client-{part}-data": base64.b64encode((tmp_path / f"client.{end}").read_bytes()).decode()
        for part, end in (("certificate", "crt"), ("key", "key"))
    }
    config = write_kubeconfig(tmp_path / "config", data)
    assert credentials.load(str(config)).authorization is None
    assert credentials.load(str(config)).authorization is None
    assert list(scratch.iterdir()) == []


# The session that is lent to a library


async def test_a_lent_session_authorizes_itself_and_renews_after_a_401(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=200 if seen[-1] == "Bearer second" else 401)

    app = web.Application()
    app.router.add_route("*", "/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        known, clock = ageing(write_kubeconfig(tmp_path / "config", {"tokenFile": "token"}, server=url))
        async with known.session(connections=1, timeout=ClientTimeout(total=5)) as session:
            async with session.patch(url, data=b"{}") as response:
                assert response.status == 401, "the token is the same still"
            (tmp_path / "token").write_text("second")
            clock.now = 10
            async with session.patch(url, data=b"{}") as response:
                assert response.status == 200
    finally:
        await runner.cleanup()
    assert seen == ["Bearer first", "Bearer first", "Bearer second"]


# Mistakes


def test_a_kubeconfig_that_is_not_there_is_said_with_who_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "missing"
    with pytest.raises(NoCredentials, match=rf"^kubeconfig {path} \(named by --kubeconfig\) is not there$"):
        credentials.load(str(path))
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(NoCredentials, match=r"named by \$KUBECONFIG"):
        credentials.load()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "can be used: Invalid kube-config"),
        ("a: [", "is not valid YAML: while parsing"),
        ("just text", "is not a kubeconfig that can be used"),
        ("[]", "is not a kubeconfig that can be used"),
        ("{contexts: [], clusters: [], users: []}", "has no current-context; name one with --context (it has none)"),
        ("{current-context: a, contexts: null}", "has no context 'a'; it has none"),
        ("{current-context: a, contexts: [{name: a}], clusters: []}", "is not a kubeconfig that can be used"),
        (
            "{current-context: a, contexts: [{name: a, context: {cluster: c}}], clusters: []}",
            "Expected object with name c in",
        ),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(NoCredentials, match=re.escape(sentence)) as told:
        credentials.load(str(path))
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_an_unknown_context_is_said_with_those_that_there_are(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", {"token": "t"})
    with pytest.raises(NoCredentials, match=f"^kubeconfig {path} has no context 'other'; it has ctx$"):
        credentials.load(str(path), "other")


@pytest.mark.parametrize(
    ("user", "cluster", "sentence"),
    [
        ({"token": "t"}, {"server": "localhost:8080"}, "the server 'localhost:8080' is not a URL that starts with"),
        ({"token": "t"}, {"proxy-url": "socks5://localhost:1"}, "the proxy socks5://localhost:1 is not an HTTP proxy"),
        ({"token": "t", "as": "admin"}, {}, "impersonation (as, as-groups) is not supported"),
        ({"auth-provider": {"name": "azure", "config": {}}}, {}, "no credentials that can be used (azure)"),
        ({"tokenFile": "/nowhere/token"}, {}, "can't be read: No such file or directory (/nowhere/token)"),
        ({"token": "t"}, {"certificate-authority": "/nowhere/ca"}, "File does not exist: /nowhere/ca"),
        ({"token": "t"}, {"certificate-authority-data": "bm8="}, "a certificate or key in it can't be read"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_that_names_the_kubeconfig(
    user: dict[str, Any], cluster: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    path = write_kubeconfig(tmp_path / "config", user, **cluster)
    with pytest.raises(NoCredentials, match=re.escape(sentence)) as told:
        credentials.load(str(path))
    assert str(told.value).startswith(f"kubeconfig {path}")
    assert "\n" not in str(told.value)
