"""`vidgate serve`."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def serve(
    *,
    config: Annotated[
        Path | None, Parameter(help="配置文件, 默认 VIDGATE_CONFIG · settings file")
    ] = None,
) -> int:
    """Run the service until SIGTERM or Ctrl-C."""
    # Imported by name: everything that the service is made of comes with it.
    status: int = import_module("vidgate.app").main(config)
    return status
