"""Options of the command line, as cyclopts wants them."""

from typing import Annotated

from cyclopts import Parameter


def option(help: str, *names: str, negative: bool = False, shown: bool = False) -> Parameter:
    """An option with its line of help, Chinese first.

    `names` replace the one made of the parameter's; `negative` adds a `--no-` form to a flag;
    `shown` tells the default.
    """
    return Parameter(
        name=names or None, help=help, negative=None if negative else (), show_default=shown
    )


Json = Annotated[bool, option("输出一个 JSON 文档 · one JSON document on stdout", "--json")]
