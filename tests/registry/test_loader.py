import pytest

from tests.registry.conftest import in_thread
from tests.registry.files import HEADER, row, text
from vidgate.aio.bus import Bus
from vidgate.errors import StorageError
from vidgate.registry.loader import load
from vidgate.registry.planner import Register
from vidgate.registry.registry import Registry
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox


@pytest.fixture
def another(tmp_path_factory: pytest.TempPathFactory) -> SecretBox:
    return SecretBox(tmp_path_factory.mktemp("another"))


async def test_a_new_database_is_an_empty_register(db: Database, box: SecretBox) -> None:
    assert await load(db, box) == Register()


async def test_what_was_written_is_read_back(db: Database, box: SecretBox, bus: Bus) -> None:
    async with Registry(db, box, bus, in_thread) as registry:
        await registry.import_file("r.csv", text(HEADER, *map(row, range(450))), actor="me")
        known = registry.channels, registry.platforms, registry.credentials
    found = await load(db, box)
    assert (found.channels, found.platforms, found.credentials) == known
    assert list(found.channels) == list(known[0])


async def test_without_its_key_the_register_does_not_start(
    db: Database, box: SecretBox, bus: Bus, another: SecretBox
) -> None:
    async with Registry(db, box, bus, in_thread) as registry:
        await registry.set_credential("site", "admin", "secret", "me")
    with pytest.raises(StorageError):
        await load(db, another)
