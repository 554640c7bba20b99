"""Progress: lines for a log, a bar for a terminal."""

import io

from tests.waiting import until
from vidgate.cli.progress import Meter


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


async def test_a_log_gets_lines_while_it_runs() -> None:
    log = io.StringIO()
    with Meter("探测", stream=log, period=0.001) as meter:
        meter.update(3, 10, "在线 2")
        await until(lambda: log.getvalue().count("\n") >= 2)
    lines = log.getvalue().splitlines()
    assert lines[-1].startswith("探测 3/10 在线 2 ")


async def test_a_quick_command_says_nothing() -> None:
    log = io.StringIO()
    with Meter("导入", stream=log):
        pass
    assert log.getvalue() == ""


async def test_a_terminal_gets_a_bar() -> None:
    terminal = Terminal()
    with Meter("探测", stream=terminal) as meter:
        meter.update(3, 10)
    assert "探测" in terminal.getvalue()
