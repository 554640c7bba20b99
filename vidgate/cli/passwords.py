"""Passwords come from a prompt or from stdin, never from the command line."""

import getpass
import re
import sys

from vidgate.cli import output
from vidgate.cli.errors import UsageError, both

MAX_PASSWORD = 1024
_IN_ADDRESS = re.compile(r"^[a-z]+://[^/@]*:[^/@]+@", re.IGNORECASE)


def read(prompt: str, *, from_stdin: bool) -> str:
    """One password. Without a terminal it must be asked for by `--password-stdin`."""
    if from_stdin:
        line = sys.stdin.readline(MAX_PASSWORD + 2)
    elif sys.stdin.isatty():
        line = getpass.getpass(f"{prompt}: ", stream=sys.stderr)
    else:
        raise UsageError(
            both("没有终端, 无法询问口令", "no terminal to ask for the password on"),
            hint='printf %s "$PASSWORD" | vidgate ... --password-stdin',
        )
    password = line.rstrip("\r\n")
    if len(password) > MAX_PASSWORD:
        raise UsageError(both("口令太长", f"the password is longer than {MAX_PASSWORD}"))
    if not password:
        raise UsageError(both("口令为空", "the password is empty"))
    return password


def warn_of_address(*addresses: str | None) -> None:
    """Say so when an address on the command line carries a password; others could read it."""
    if any(address and _IN_ADDRESS.match(address) for address in addresses):
        output.note(
            "注意: 地址里的口令会留在进程列表和命令历史里, 请改用 vidgate credential set\n"
            "note: a password in an address shows in the process list and the shell's history"
        )
