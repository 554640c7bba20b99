"""`vidgate version`."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import vidgate
from vidgate.cli import output
from vidgate.cli.options import Json

NAMED = ("aiohttp", "aiortc", "av", "uvloop", "SQLAlchemy", "pydantic")


def version(*, json: Json = False) -> int:
    """The version of vidgate and of what it stands on."""
    packages = {name: _version(name) for name in NAMED}
    python = platform.python_version()
    if json:
        output.document({"vidgate": vidgate.__version__, "python": python, "packages": packages})
    else:
        output.say(f"vidgate {vidgate.__version__}")
        output.fields((("Python", python), *packages.items()))
    return 0


def _version(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return ""
