"""`vidgate cert init`: files for HTTPS, made once, renewed under the same authority."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Vidgate

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
SERVICE = 64_321  # a user that the service might run as


def _owners(folder: Path) -> dict[str, tuple[int, int]]:
    """User and group of the folder and of all in it."""
    found = {one.name: one.stat() for one in (folder, *folder.iterdir())}
    return {name: (told.st_uid, told.st_gid) for name, told in found.items()}


ALL = dict.fromkeys(("tls", "ca.crt", "ca.key", "server.crt", "server.key"), (SERVICE, SERVICE))


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


@pytest.mark.parametrize(
    ("hosts", "page"),
    [
        (["fd00::2", "a.example"], "http://[fd00::2]:8080/ca"),
        (["*.example.gov", "10.1.2.3"], "http://10.1.2.3:8080/ca"),
        (["*.example.gov"], "http://NAME.example.gov:8080/ca"),
    ],
)
async def test_users_are_told_a_page_that_is_there(
    vidgate: Vidgate, folder: Path, hosts: list[str], page: str
) -> None:
    made = await vidgate("cert", "init", *[part for host in hosts for part in ("--host", host)])
    assert made.status == 0, made.err
    assert page in made.err.split()


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


async def test_a_renewal_keeps_the_names_of_the_certificate(
    vidgate: Vidgate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["hall.example", "10.1.2.3", "fd00::5", "*.site.example"]
    hosts = [part for name in names for part in ("--host", name)]
    assert (await vidgate("cert", "init", *hosts)).status == 0
    monkeypatch.setenv("VIDGATE__HTTP__HOSTS", '["other.example"]')
    renewed = await vidgate("cert", "init", "--renew", "--json")
    assert renewed.status == 0, renewed.err
    assert renewed.document["hosts"] == names
    again = await vidgate("cert", "init", "--renew", "--json")
    assert again.document["hosts"] == names


async def test_after_a_renewal_nothing_is_left_to_be_done(vidgate: Vidgate, folder: Path) -> None:
    await vidgate("cert", "init", "--host", "a.example")
    renewed = await vidgate("cert", "init", "--renew")
    assert renewed.status == 0
    assert renewed.out == ""
    assert "restart" not in renewed.err
    assert "settings" not in renewed.err
    assert "/ca" not in renewed.err.replace(str(folder), "")
    assert "within half a minute" in renewed.err


async def test_a_renewal_by_other_names_tells_those_that_went(
    vidgate: Vidgate, folder: Path
) -> None:
    await vidgate("cert", "init", "--host", "a.example", "--host", "10.1.2.3")
    renewed = await vidgate("cert", "init", "--renew", "--host", "10.1.2.3", "--host", "b.example")
    assert renewed.status == 0
    (line,) = [line for line in renewed.err.splitlines() if "a.example" in line]
    assert "no longer" in line
    assert "10.1.2.3" not in line
    same = await vidgate("cert", "init", "--renew", "--host", "b.example", "--host", "10.1.2.3")
    assert "no longer" not in same.err


async def test_a_renewal_without_a_certificate_asks_for_names(
    vidgate: Vidgate, folder: Path
) -> None:
    await vidgate("cert", "init", "--host", "a.example")
    await asyncio.to_thread((folder / "server.crt").unlink)
    assert (await vidgate("cert", "init", "--renew")).status == 2
    await asyncio.to_thread((folder / "server.crt").write_text, "no certificate")
    refused = await vidgate("cert", "init", "--renew")
    assert refused.status == 1
    assert "server.crt" in refused.err


@AS_ROOT
async def test_the_service_s_user_owns_what_root_made(vidgate: Vidgate, folder: Path) -> None:
    os.chown(folder.parent, SERVICE, SERVICE)
    assert (await vidgate("cert", "init", "--host", "a.example")).status == 0
    assert _owners(folder) == ALL


@AS_ROOT
async def test_a_renewal_gives_back_what_was_root_s(vidgate: Vidgate, folder: Path) -> None:
    await vidgate("cert", "init", "--host", "a.example")
    os.chown(folder.parent, SERVICE, SERVICE)
    assert (await vidgate("cert", "init", "--renew")).status == 0
    assert _owners(folder) == ALL


@AS_ROOT
async def test_a_file_is_its_owner_s_before_it_is_in_its_place(
    vidgate: Vidgate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await vidgate("cert", "init", "--host", "a.example")
    os.chown(folder.parent, SERVICE, SERVICE)
    placed: dict[str, int] = {}
    replace = Path.replace

    def noted(new: Path, target: Path) -> Path:
        placed[target.name] = new.stat().st_uid
        return replace(new, target)

    monkeypatch.setattr(Path, "replace", noted)
    assert (await vidgate("cert", "init", "--renew")).status == 0
    assert placed == {"server.key": SERVICE, "server.crt": SERVICE}


@pytest.mark.parametrize(("name", "told"), [("ca.crt", "no certificate"), ("ca.key", "no key")])
async def test_a_renewal_names_the_damaged_files_of_the_authority(
    vidgate: Vidgate, folder: Path, name: str, told: str
) -> None:
    await vidgate("cert", "init", "--host", "a.example")
    await asyncio.to_thread((folder / name).write_bytes, b"")
    renewed = await vidgate("cert", "init", "--renew")
    assert renewed.status == 1
    assert f"{folder / 'ca.crt'}, {folder / 'ca.key'}: " in renewed.err
    assert told in renewed.err
    assert "restore" in renewed.err


@AS_ROOT
async def test_nothing_behind_a_link_is_given_away(
    vidgate: Vidgate, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    os.symlink(elsewhere, folder)
    os.chown(folder.parent, SERVICE, SERVICE)
    refused = await vidgate("cert", "init", "--host", "a.example")
    assert refused.status == 1
    assert "tls" in refused.err
    assert _owners(elsewhere) == {elsewhere.name: (os.geteuid(), os.getegid())}


async def test_who_is_not_root_gives_nothing_away(
    vidgate: Vidgate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    monkeypatch.setattr(os, "geteuid", lambda: SERVICE)
    monkeypatch.setattr(os, "chown", lambda *told, **_: given.append(told))
    monkeypatch.setattr(os, "fchown", lambda *told: given.append(told))
    assert (await vidgate("cert", "init", "--host", "a.example")).status == 0
    assert given == []
