"""A register on a disk that fills up; run by test_full_disk in a mount namespace of its own.

    unshare --mount --map-root-user python -m tests.registry.full_disk FOLDER

mounts a small tmpfs on the folder, and prints what happened as one JSON document.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.registry.files import HEADER, row, text
from tests.registry.killing import at_once
from vidgate.aio.bus import Bus
from vidgate.errors import StorageError
from vidgate.model.media import Variant
from vidgate.registry.export import Form
from vidgate.registry.registry import Registry
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

SIZE = 3 << 20
FEW, MANY = 50, 9000


def fill(folder: Path) -> Path:
    """Take all room that is left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


async def refused(registry: Registry, data: bytes) -> str:
    """What an import says that the disk has no room for."""
    try:
        report = await registry.import_file("r.csv", data, actor="test")
    except StorageError as error:
        return f"{error.message} | {error.hint}"
    return f"no error: {report.counts()}"


async def run(folder: Path) -> dict[str, Any]:
    box = SecretBox(folder)
    told: dict[str, Any] = {}
    async with (
        Database(folder / "vidgate.db") as db,
        Registry(db, box, Bus(), at_once) as registry,
    ):
        small = text(HEADER, *(row(n) for n in range(FEW)))
        renamed = text(HEADER, *(row(n, name=f"新{n}") for n in range(FEW)))
        large = text(HEADER, *(row(n) for n in range(MANY)))
        await registry.import_file("r.csv", small, actor="test")
        known = registry.channels
        ballast = fill(folder)
        # Small edits may still find room in the log that is there; these do not.
        told["full"] = [await refused(registry, large) for _ in range(3)]
        told["unchanged"] = registry.channels is known
        told["reads"] = {
            "list": len(registry.channels),
            "login": registry.login(registry.get("cam-0001")) is not None,
            "address": registry.address(registry.get("cam-0001"), Variant.MAIN),
            "export": len((await registry.export(known.values(), Form.CSV)).splitlines()) - 1,
            "changes": [change.id for change in await registry.changes()],
            "history": len(await registry.history("cam-0001")),
            "ready": await db.is_ready(),
        }
        ballast.unlink()
        told["too large for the disk"] = await refused(registry, large)
        report = await registry.import_file("r.csv", renamed, actor="test")
        told["after"] = report.counts()
        told["audit"] = (await Audit(db).verify()).broken
    async with Database(folder / "vidgate.db") as db, Registry(db, box, Bus(), at_once) as again:
        told["restarted"] = [len(again.channels), again.get("cam-0001").name]
    return told


def main() -> None:
    folder = Path(sys.argv[1])
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    print(json.dumps(asyncio.run(run(folder)), ensure_ascii=False))


if __name__ == "__main__":
    main()
