"""Files that end the process that reads them: it is a worker, and the read is all that is lost."""

from pathlib import Path

import pytest

from tests.registry.files import HEADER, row, text
from vidgate.errors import InputError
from vidgate.media.worker import WorkerLimits, WorkerPool
from vidgate.operations.texts import Texts
from vidgate.registry.sheet import parse_file

ABORTS = sorted(Path(__file__).with_name("aborts").glob("*.bin"))


@pytest.mark.parametrize("file", ABORTS, ids=lambda file: file.stem)
async def test_the_read_is_refused_and_the_next_one_goes_on(file: Path) -> None:
    async with WorkerPool("text", WorkerLimits(processes=1, memory=1 << 30)) as pool:
        texts = Texts(pool)
        with pytest.raises(InputError):
            await texts(parse_file, file.name, file.read_bytes())  # noqa: ASYNC240 - a few bytes
        parsed = await texts(parse_file, "r.csv", text(HEADER, row(1)))
        assert len(parsed.chunks) == 1
