"""`vidgate serve`."""

from pathlib import Path
from typing import Annotated

from vidgate.cli.options import option


def serve(
    *,
    config: Annotated[Path | None, option("配置文件, 默认 VIDGATE_CONFIG · settings file")] = None,
) -> int:
    """Run the service until SIGTERM or Ctrl-C."""
    from vidgate.app import main

    return main(config)
