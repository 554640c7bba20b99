"""`vidgate cert init`: files for HTTPS, made once, renewed under the same authority."""

import asyncio
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Vidgate


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIDGATE_DATA", str(tmp_path))
    return tmp_path / "tls"


async def test_files_and_the_next_steps(vidgate: Vidgate, folder: Path) -> None:
    made = await vidgate("cert", "init", "--host", "10.1.2.3", "--host", "hall.example")
    assert made.status == 0, made.err
    for name in ("ca.key", "server.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert f"cert: {folder / 'server.crt'}" in made.out
    assert "/ca" in made.err
    assert "vidgate doctor" in made.err


async def test_an_authority_is_kept_and_a_certificate_renewed(
    vidgate: Vidgate, folder: Path
) -> None:
    first = (await vidgate("cert", "init", "--host", "a.example", "--json")).document
    before = {name: (folder / name).read_bytes() for name in ("ca.crt", "ca.key", "server.crt")}
    again = await vidgate("cert", "init", "--host", "a.example")
    assert again.status == 5
    assert "--renew" in again.err
    renewed = (await vidgate("cert", "init", "--host", "b.example", "--renew", "--json")).document
    assert renewed["fingerprint"] == first["fingerprint"]
    after = {name: (folder / name).read_bytes() for name in before}
    assert after["ca.crt"] == before["ca.crt"]
    assert after["ca.key"] == before["ca.key"]
    assert after["server.crt"] != before["server.crt"]
    assert (folder / "server.crt").read_bytes().endswith(after["ca.crt"])


async def test_a_site_s_own_files_are_not_overwritten(vidgate: Vidgate, folder: Path) -> None:
    await asyncio.to_thread(folder.mkdir)
    await asyncio.to_thread((folder / "server.key").write_text, "theirs")
    refused = await vidgate("cert", "init", "--host", "a.example")
    assert refused.status == 5
    assert "server.key" in refused.err
    assert await asyncio.to_thread((folder / "server.key").read_text) == "theirs"


async def test_the_settings_name_the_hosts(
    vidgate: Vidgate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await vidgate("cert", "init")).status == 2
    assert not await asyncio.to_thread(folder.exists)
    monkeypatch.setenv("VIDGATE__HTTP__HOSTS", '["hall.example"]')
    assert (await vidgate("cert", "init", "--json")).document["hosts"] == ["hall.example"]


async def test_what_cannot_be_is_told(vidgate: Vidgate, folder: Path) -> None:
    assert (await vidgate("cert", "init", "--host", "a.example", "--renew")).status == 1
    refused = await vidgate("cert", "init", "--host", "http://a.example")
    assert refused.status == 1
    assert "http://a.example" in refused.err
    assert not await asyncio.to_thread(folder.exists)
