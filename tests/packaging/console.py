"""Whether an installed service gives out the whole console."""

import asyncio
import json
import sys
from hashlib import sha256
from pathlib import Path

from tests.packaging.rooms import inside

PAGES = Path(__file__).parent / "pages.py"


async def assert_served(pid: int, address: str, dist: Path) -> None:
    """Fetch `/` and every file of the built console from a process's network; compare them all."""
    files = _files(dist)
    paths = sorted(files)
    namespace = ["nsenter", f"--target={pid}", "--net"]
    asked = await asyncio.create_subprocess_exec(
        *namespace, sys.executable, str(PAGES), address, *paths, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asked.communicate()
    assert asked.returncode == 0
    got = json.loads(out)
    for path, file in files.items():
        status, kind, digest = got[path]
        # What has no file is answered with the page: its type tells an asset from that.
        assert (status, "html" in kind) == (200, file.suffix == ".html"), path
        assert digest == sha256(file.read_bytes()).hexdigest(), path


def _files(dist: Path) -> dict[str, Path]:
    """Every file of the console by its address, the page's own too."""
    found = {f"/{path.relative_to(dist)}": path for path in dist.rglob("*") if path.is_file()}
    assert len(found) > 20, "the console is not in there"
    return found | {"/": dist / "index.html"}


async def run_inside(pid: int, *words: str, user: str, env: dict[str, str]) -> tuple[int, str]:
    """Run a command beside a room's process; its status and output."""
    asked = await asyncio.create_subprocess_exec(
        *inside(pid, words, user=user),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asked.communicate()
    return asked.returncode or 0, out.decode() + ("" if asked.returncode == 0 else err.decode())
