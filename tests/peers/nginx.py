"""A real nginx with our own configuration, on a free port of loopback."""

import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.programs import free_port, lacking, running

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "nginx.conf"
FRAME = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr info;
events {{}}
http {{
    access_log off;
    {temporary}
{site}
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@pytest.fixture(scope="module")
def installed() -> None:
    """The program."""
    if shutil.which("nginx") is None:
        lacking("nginx")


@asynccontextmanager
async def nginx(
    folder: Path, url: str, tls: Mapping[str, str], *, without: tuple[str, ...] = ()
) -> AsyncIterator[int]:
    """nginx in front of the service at `url`; yields the port on which it speaks HTTPS.

    `tls` are the settings of `tls_settings`; the lines that begin so are left out, `without`.
    """
    port = free_port()
    file = _configured(folder, url, tls, port, without)
    async with running("nginx", "-p", folder, "-e", "stderr", "-c", file) as program:
        await program.says("using the .* event method")
        yield port


def _configured(
    folder: Path, url: str, tls: Mapping[str, str], port: int, without: tuple[str, ...]
) -> Path:
    site = CONFIG.read_text(encoding="utf-8")
    for ours, theirs in {
        "127.0.0.1:8080": url.removeprefix("http://"),
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/var/lib/vidgate/tls/server.crt": tls["VIDGATE__HTTP__TLS__CERT"],
        "/var/lib/vidgate/tls/server.key": tls["VIDGATE__HTTP__TLS__KEY"],
    }.items():
        assert site.count(ours) == 1, ours
        site = site.replace(ours, theirs)
    site = re.sub(r"(?m)^ *listen \[::\].*\n", "", site)
    for line in without:
        site, left = re.subn(rf"(?m)^ *{re.escape(line)}.*\n", "", site)
        assert left == 1, line
    temporary = "".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    folder.mkdir()
    file = folder / "nginx.conf"
    file.write_text(FRAME.format(folder=folder, temporary=temporary, site=site))
    return file
