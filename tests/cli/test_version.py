"""`vidgate version`."""

import vidgate as package
from tests.cli.conftest import Vidgate


async def test_version(vidgate: Vidgate) -> None:
    assert f"vidgate {package.__version__}" in (await vidgate("version")).out
    told = (await vidgate("version", "--json")).document
    assert told["vidgate"] == package.__version__
    assert told["packages"]["aiohttp"]
