"""The settings tree and its loading from YAML and environment.

They are imported at the first use: a client of the service needs `settings.folder` alone.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidgate.settings.folder import data_folder
    from vidgate.settings.load import load_settings
    from vidgate.settings.tree import Settings

__all__ = ["Settings", "data_folder", "load_settings"]

_HOMES = {
    "Settings": "vidgate.settings.tree",
    "data_folder": "vidgate.settings.folder",
    "load_settings": "vidgate.settings.load",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
