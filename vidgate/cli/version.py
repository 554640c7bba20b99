"""`vidgate version`."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import vidgate
from vidgate.cli import next_steps, output, tables
from vidgate.cli.options import Output

_SHEET = tables.Sheet("versions", ("name", "version"))
NAMED = ("aiohttp", "aiortc", "av", "uvloop", "SQLAlchemy", "pydantic")


def version(*, shape: Output | None = None) -> int:
    """The version of vidgate and of what it stands on."""
    tables.check(shape)
    packages = {name: _version(name) for name in NAMED}
    python = platform.python_version()
    found = {"vidgate": vidgate.__version__, "python": python, "packages": packages}
    named = {"vidgate": vidgate.__version__, "Python": python, **packages}
    rows = [{"name": name, "version": version} for name, version in named.items()]
    if not tables.written(shape, _SHEET, found, rows):
        output.say(f"vidgate {vidgate.__version__}")
        output.fields((("Python", python), *packages.items()))
        next_steps.tell("version")
    return 0


def _version(name: str) -> str:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return ""
