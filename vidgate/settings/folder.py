"""Where the data lives. Apart from the tree, so that a client need not load pydantic."""

import os
from pathlib import Path


def data_folder() -> Path:
    """`VIDGATE_DATA`, else /var/lib/vidgate as root, else ~/.local/share/vidgate."""
    given = os.environ.get("VIDGATE_DATA")
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/vidgate")
    return Path.home() / ".local" / "share" / "vidgate"
