"""The last picture of every channel: one small JPEG file each, as old as the picture is."""

import asyncio
import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vidgate.errors import StorageError

MAX_BYTES = 256 << 10  # of one picture


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A JPEG and the wall-clock seconds at which the camera's picture came."""

    jpeg: bytes
    time: float


class SnapshotShelf:
    """A folder of files named by the channel's id in lower case; the age is the file's own.

    Ids are letters, digits, points and dashes (`model.channel`), so that each is a file name.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, channel: str, snapshot: Snapshot) -> None:
        """Replace the channel's picture. Raises StorageError."""
        if len(snapshot.jpeg) > MAX_BYTES:
            raise StorageError(f"{channel}: a picture of {len(snapshot.jpeg)} bytes is not kept")
        await asyncio.to_thread(self._put, self._file(channel), snapshot)

    async def get(self, channel: str) -> Snapshot | None:
        """The channel's last picture; None where none was ever seen. Raises StorageError."""
        return await asyncio.to_thread(self._get, self._file(channel))

    async def age(self, channel: str, now: float) -> float | None:
        """How old the picture is at a wall-clock instant, in seconds; None where there is none."""
        try:
            return now - (await asyncio.to_thread(self._file(channel).stat)).st_mtime
        except OSError:
            return None

    async def keep_only(self, channels: Collection[str]) -> None:
        """Remove what is of no channel any more."""
        await asyncio.to_thread(self._keep_only, tuple(channels))

    def _file(self, channel: str) -> Path:
        return self._folder / _name(channel)

    def _put(self, file: Path, snapshot: Snapshot) -> None:
        draft = file.with_suffix(".new")
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            draft.write_bytes(snapshot.jpeg)
            os.utime(draft, (snapshot.time, snapshot.time))
            draft.replace(file)  # whoever reads gets the old one or the new one
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise StorageError(f"{file.name}: {error.strerror}") from error

    def _get(self, file: Path) -> Snapshot | None:
        try:
            with file.open("rb") as opened:
                return Snapshot(opened.read(MAX_BYTES), os.fstat(opened.fileno()).st_mtime)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{file.name}: {error.strerror}") from error

    def _keep_only(self, channels: Collection[str]) -> None:
        if not self._folder.is_dir():
            return
        kept = {_name(channel) for channel in channels}
        for file in self._folder.iterdir():
            if file.suffix == ".new" or (file.suffix == ".jpg" and file.name not in kept):
                file.unlink(missing_ok=True)


def _name(channel: str) -> str:
    return f"{channel.lower()}.jpg"
