"""Files that commands read and write."""

import sys
from pathlib import Path

from vidgate.cli.errors import UsageError, both

MAX_FILE = 10 << 20  # as the service takes


def read(path: Path) -> bytes:
    """The whole of a file the person named; UsageError says what is wrong with it."""
    try:
        if path.stat().st_size > MAX_FILE:
            raise UsageError(both(f"{path} 太大", f"{path} is larger than {MAX_FILE} bytes"))
        return path.read_bytes()
    except OSError as error:
        raise UsageError(both(f"读不了 {path}", f"cannot read {path}: {error.strerror}")) from None


def check_free(path: Path, *, force: bool) -> None:
    """UsageError where `write` would refuse: said before the work, not after."""
    if str(path) != "-" and str(path).startswith("-"):
        raise UsageError(both(f"{path} 像选项, 不像文件名", f"{path} is an option, no file name"))
    if str(path) != "-" and path.exists() and not force:
        raise _exists(path)


def _exists(path: Path) -> UsageError:
    return UsageError(both(f"{path} 已存在", f"{path} exists"), hint="--force 覆盖 replaces it")


def write(path: Path, content: bytes, *, force: bool) -> None:
    """Write a file, or stdout where it is `-`; what exists is replaced only with `force`."""
    if str(path) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        with path.open("wb" if force else "xb") as file:
            file.write(content)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise UsageError(both(f"写不了 {path}", f"cannot write {path}: {error.strerror}")) from None
