"""HTTPS beside HTTP: certificates, their renewal, the page that installs them, redirects."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.waiting import until
from tests.web.fakes import PASSWORD, FakeRegistry, Fakes, some_channels
from vidgate.aio.clock import SystemClock
from vidgate.auth.authority import Authority, Pem, fingerprint
from vidgate.errors import SettingsError
from vidgate.model.user import Role
from vidgate.settings.tree import HttpSettings, Settings, TlsSettings
from vidgate.web.server import WebServer
from vidgate.web.tls import ServerCertificate

NOW = datetime.now(UTC)
AUTHORITY = Authority.create("vidgate test", NOW)
NAME = "127.0.0.1"


def _write(folder: Path, pem: Pem) -> TlsSettings:
    files = {"cert": pem.certificate, "key": pem.key, "ca": AUTHORITY.pem.certificate}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return TlsSettings(port=0, **{name: str(folder / name) for name in files})


@asynccontextmanager
async def serving(folder: Path, **more: Any) -> AsyncIterator[WebServer]:
    tls = _write(folder, AUTHORITY.sign([NAME], NOW)).model_copy(update=more)
    settings = Settings(http=HttpSettings(host=NAME, port=0, tls=tls))
    fakes = Fakes(registry=FakeRegistry(some_channels()))
    async with WebServer(fakes.parts(), settings, console=folder) as server:
        yield server


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=AUTHORITY.pem.certificate.decode())


async def test_a_session_over_https_has_the_safe_cookie(tmp_path: Path) -> None:
    async with (
        serving(tmp_path) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting())) as client,
    ):
        url = f"https://{NAME}:{server.tls_port}"
        body = {"username": Role.OPERATOR.value, "password": PASSWORD}
        signed = await client.post(f"{url}/api/v1/session", json=body, headers={"Origin": url})
        assert signed.status == 200
        cookie = signed.headers["Set-Cookie"]
        assert cookie.startswith("__Host-vidgate=")
        assert "Secure" in cookie
        assert "Strict-Transport-Security" not in signed.headers
        assert (await signed.json())["server"]["https"] is True
        assert (await client.get(f"http://{NAME}:{server.port}/healthz")).status == 200


@pytest.mark.asyncio(loop_factories=["asyncio"])  # uvloop's client would forget its socket
async def test_old_protocols_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=old)) as client:
            with pytest.raises(aiohttp.ClientConnectorError):
                await client.get(f"https://{NAME}:{server.tls_port}/healthz")


async def test_the_page_that_installs_the_authority(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, aiohttp.ClientSession() as client:
        url = f"http://{NAME}:{server.port}"
        page = await client.get(f"{url}/ca")
        text = await page.text()
        assert page.status == 200
        assert fingerprint(AUTHORITY.pem.certificate) in text.replace("<wbr>", "")
        assert f"https://{NAME}:{server.tls_port}/" in text
        answer = await client.get(f"{url}/ca.crt")
        assert answer.content_type == "application/x-x509-ca-cert"
        assert await answer.read() == AUTHORITY.pem.certificate


async def test_a_key_beside_the_authority_is_given_to_nobody(tmp_path: Path) -> None:
    combined = tmp_path / "combined.pem"
    combined.write_bytes(AUTHORITY.pem.key + AUTHORITY.pem.certificate)
    async with serving(tmp_path, ca=str(combined)) as server, aiohttp.ClientSession() as client:
        answer = await client.get(f"http://{NAME}:{server.port}/ca.crt")
        assert await answer.read() == AUTHORITY.pem.certificate


async def test_there_may_be_no_authority(tmp_path: Path) -> None:
    async with serving(tmp_path, ca="") as server, aiohttp.ClientSession() as client:
        for path in ("/ca", "/ca.crt"):
            answer = await client.get(f"http://{NAME}:{server.port}{path}")
            assert answer.status == 404
            assert "cert init" in (await answer.json())["hint"]


async def test_pages_are_sent_to_https_and_machines_are_not(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("console")
    async with (
        serving(tmp_path, redirect=True, hsts=600) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting())) as client,
    ):
        url = f"http://{NAME}:{server.port}"
        for path in ("/", "/channels?q=%E6%B2%B3"):
            sent = await client.get(url + path, allow_redirects=False)
            assert sent.status == 308
            assert sent.headers["Location"] == f"https://{NAME}:{server.tls_port}{path}"
        for path in ("/healthz", "/readyz", "/ca", "/ca.crt"):
            assert (await client.get(url + path, allow_redirects=False)).status == 200
        assert (await client.get(f"{url}/api/v1/channels", allow_redirects=False)).status == 401
        # A header by which an untrusted client claims HTTPS changes nothing.
        claim = {"X-Forwarded-Proto": "https"}
        assert (await client.get(url, headers=claim, allow_redirects=False)).status == 308
        arrived = await client.get(url)
        assert await arrived.text() == "console"
        assert arrived.headers["Strict-Transport-Security"] == "max-age=600"


@pytest.mark.parametrize("path", ["/", "/ca"])
@pytest.mark.parametrize(
    "head",
    [
        *(b"HTTP/1.1\r\nHost: a:99999999", b"HTTP/1.1\r\nHost: a:-1", b"HTTP/1.1\r\nHost: \xff"),
        *(b"HTTP/1.1\r\nHost: evil.example/x?", b"HTTP/1.1\r\nHost: ", b"HTTP/1.0"),
    ],
)
async def test_a_host_that_is_none_is_told_so(
    tmp_path: Path, path: str, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: pytest.fail("the name service is asked"))
    async with serving(tmp_path, redirect=True) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET " + path.encode() + b" " + head + b"\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answer.split()[1] == b"400"
    assert b"names no host" in answer


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01"])
async def test_who_never_speaks_tls_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr("vidgate.web.server.FIRST_REQUEST", 0.2)
    async with serving(tmp_path) as server, aiohttp.ClientSession() as client:
        with socket.create_connection((NAME, server.tls_port)) as silent:
            silent.settimeout(10)
            silent.send(begun)
            assert await asyncio.to_thread(silent.recv, 1) == b""
        assert (await client.get(f"http://{NAME}:{server.port}/healthz")).status == 200


async def test_a_renewed_certificate_is_taken_and_a_bad_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidgate.web.tls.LOOK", 0.01)
    async with serving(tmp_path) as server:
        first = await _served(server)
        with capture_logs() as logs:
            await asyncio.to_thread(_replace, tmp_path, Pem(b"no certificate", b"nor key"))
            await until(lambda: any(one["event"] == "certificate not renewed" for one in logs))
        assert await _served(server) == first
        renewed = AUTHORITY.sign([NAME], NOW)
        with capture_logs() as logs:
            await asyncio.to_thread(_replace, tmp_path, renewed)
            await until(lambda: any(one["event"] == "certificate renewed" for one in logs))
        assert ssl.DER_cert_to_PEM_cert(await _served(server)).encode() in renewed.certificate


async def test_what_could_not_be_read_is_tried_again_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = await asyncio.to_thread(_made, tmp_path, AUTHORITY.sign([NAME], NOW))
    former = certificate.expiry
    renewed = AUTHORITY.sign([NAME], NOW + timedelta(days=1))
    await asyncio.to_thread(_replace, tmp_path, renewed)
    with monkeypatch.context() as patch, capture_logs() as logs:
        # A folder above that lets nobody through leaves no trace at the files.
        patch.setattr("vidgate.web.tls.read", Mock(side_effect=SettingsError("Permission denied")))
        for _ in range(3):
            await certificate.refresh()
    assert [one["event"] for one in logs] == ["certificate not renewed"]
    assert certificate.expiry == former
    await certificate.refresh()
    assert certificate.expiry > former


async def test_a_change_that_keeps_the_time_of_the_file_is_seen(tmp_path: Path) -> None:
    certificate = await asyncio.to_thread(_made, tmp_path, AUTHORITY.sign([NAME], NOW))
    former = certificate.expiry
    await asyncio.to_thread(_overwrite, tmp_path, AUTHORITY.sign([NAME], NOW + timedelta(days=1)))
    await certificate.refresh()
    assert certificate.expiry > former


@pytest.mark.parametrize(("since", "told"), [(-900, "has expired"), (2, "not valid yet"), (0, "")])
def test_a_certificate_of_another_day_serves_and_is_told(
    tmp_path: Path, since: int, told: str
) -> None:
    pem = AUTHORITY.sign([NAME], NOW + timedelta(days=since))
    with capture_logs() as logs:
        _made(tmp_path, pem)
    assert [told in one["reason"] for one in logs] == [True] * bool(told)


def _made(folder: Path, pem: Pem) -> ServerCertificate:
    return ServerCertificate(_write(folder, pem), SystemClock())


def _overwrite(folder: Path, pem: Pem) -> None:
    """In place, with the former times of modification, as `rsync --inplace --times` may."""
    for name, content in (("cert", pem.certificate), ("key", pem.key)):
        file = folder / name
        former = file.stat()
        file.write_bytes(content)
        os.utime(file, ns=(former.st_atime_ns, former.st_mtime_ns))


def _replace(folder: Path, pem: Pem) -> None:
    for name, content in (("cert", pem.certificate), ("key", pem.key)):
        (folder / "new").write_bytes(content)
        (folder / "new").replace(folder / name)


async def _served(server: WebServer) -> bytes:
    """The certificate that a new connection is shown, DER."""
    _, writer = await asyncio.open_connection(NAME, server.tls_port, ssl=trusting())
    found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return found


@pytest.mark.parametrize("broken", ["cert", "key", "ca"])
async def test_files_that_do_not_serve_stop_the_start(tmp_path: Path, broken: str) -> None:
    missing = str(tmp_path / "nowhere")
    with pytest.raises(SettingsError, match="nowhere"):
        async with serving(tmp_path, **{broken: missing}):
            pass
