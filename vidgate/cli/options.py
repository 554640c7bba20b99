"""Options of the command line, as cyclopts wants them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.completion import CompletionContext

Completer = Callable[[CompletionContext], Mapping[str, str]]


def option(
    help: str,
    *names: str,
    negative: bool = False,
    shown: bool = False,
    dash: bool = False,
    completer: Completer | None = None,
) -> Parameter:
    """An option with its line of help, Chinese first.

    `names` replace the one made of the parameter's; `negative` adds a `--no-` form to a flag;
    `shown` tells the default; `dash` takes a value such as `-`, for stdout; `completer` gives a
    shell what may stand there (`vidgate.cli.names`).
    """
    return Parameter(
        name=names or None,
        help=help,
        negative=None if negative else (),
        show_default=shown,
        allow_leading_hyphen=dash,
        completer=completer,
    )


Json = Annotated[bool, option("输出一个 JSON 文档 · one JSON document on stdout", "--json")]


@Parameter(name="*")
@dataclass(kw_only=True)
class Output:
    """How a command that lists things gives them out."""

    form: Annotated[
        Literal["table", "json", "csv", "xlsx"],
        option(
            "输出格式, csv 和 xlsx 为原始值 · the form; raw values but in a table", "--output", "-o"
        ),
    ] = "table"
    file: Annotated[
        Path | None, option("csv 或 xlsx 写到这个文件, xlsx 必需 · where csv or xlsx goes")
    ] = None
    force: Annotated[bool, option("覆盖已有文件 · replace the file of --file")] = False
    json: Annotated[bool, option("即 -o json · the same as -o json", "--json")] = False
