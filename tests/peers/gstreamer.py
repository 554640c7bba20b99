"""GStreamer's bindings, which the system's python3 has."""

import os
import subprocess

import pytest

PYTHON = "/usr/bin/python3"


def require(code: str, packages: str) -> None:
    """Skip where that code does not run; fail under CI, which installs the packages."""
    done = subprocess.run([PYTHON, "-c", f"import gi\n{code}"], capture_output=True, check=False)
    if done.returncode == 0:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"not installed: {packages}")
    pytest.skip(f"needs {packages}")
