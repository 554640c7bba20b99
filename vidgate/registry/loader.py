"""The register as the database has it, read whole at start."""

import asyncio

from vidgate.model.channel import Channel
from vidgate.registry import rotation, store
from vidgate.registry.edits import PATTERNS, Credential, key
from vidgate.registry.planner import Register, opened_credential
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox


async def load(db: Database, box: SecretBox) -> Register:
    """Read everything, giving way to the loop; end a rotation of the key that was cut short.

    Raises StorageError where the database or the key do not serve.
    """
    channels: dict[str, Channel] = {}
    async with db.read() as session:
        platforms = {one.id: one for one in await store.read_platforms(session)}
        sealed = await store.read_credentials(session)
        departed = {one.key: one for one in await store.read_departed(session)}
        async for chunk in store.read_channels(session):
            channels |= {key(channel.id): channel for channel in chunk}
    credentials = await _opened(box, sealed)
    if box.is_rotating:  # the service ended in the middle of it
        credentials = await rotation.finish(db, box, credentials, "vidgate")
    return Register(channels, platforms, credentials, departed)


async def _opened(box: SecretBox, sealed: list[store.Row]) -> dict[str, Credential]:
    credentials: dict[str, Credential] = {}
    for rows in store.chunks(sealed):
        for row in rows:
            name = row["name"]
            patterns = {pattern: row[pattern] for pattern in PATTERNS}
            credentials[name] = opened_credential(
                box, name, row["sealed"], row["changed"], patterns
            )
        await asyncio.sleep(0)
    return credentials
