"""How errors are told to the person at the terminal: Chinese first, English after, then a hint."""

import sys

from cyclopts import CycloptsError
from cyclopts.exceptions import (
    CoercionError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from vidgate.errors import (
    ConflictError,
    InputError,
    NotAuthenticatedError,
    NotPermittedError,
    UnavailableError,
    VidgateError,
)

FAILED, USAGE, NOT_PERMITTED, CONFLICT, UNREACHABLE = 1, 2, 4, 5, 6

TITLES = {
    "bad_input": "输入有误",
    "bad_settings": "配置有误",
    "place_forbidden": "地址不允许访问",
    "not_found": "没有这个对象",
    "no_address": "通道没有取流地址",
    "kind_not_served": "不支持此接入方式",
    "conflict": "与已有数据或之后的变更冲突",
    "precondition_failed": "已被他人修改",
    "not_authenticated": "没有登录, 或令牌无效",
    "not_permitted": "没有权限",
    "limit_reached": "已达上限, 请稍后再试",
    "verdict_pending": "登录正在验证, 请稍后再试",
    "storage": "数据库暂时不能读写",
    "unavailable": "服务不可用",
    "worker": "后台工作进程出错",
}
USAGE_TITLES: tuple[tuple[type[CycloptsError], str], ...] = (
    (MissingArgumentError, "缺少参数"),
    (UnknownOptionError, "没有这个选项"),
    (UnknownCommandError, "没有这个命令"),
    (UnusedCliTokensError, "多余的参数"),
    (CoercionError, "参数的值不对"),
)


class UsageError(InputError):
    """The command line itself is wrong, in a way that its parser cannot see."""

    code = "usage"


def both(chinese: str, english: str) -> str:
    """A message in the two languages; `explain` prints each on a line of its own."""
    return f"{chinese}\n{english}"


def explain(error: VidgateError) -> int:
    """Print one error and its hint on stderr; the exit status that belongs to it."""
    chinese, _, english = error.message.partition("\n")
    if not english:
        chinese, english = TITLES.get(error.code, "操作失败"), chinese
    _print(chinese, f"({error.code}) {english}", error.hint)
    return status_of(error)


def status_of(error: VidgateError) -> int:
    """The exit status of an error, by its class."""
    match error:
        case UsageError():
            return USAGE
        case NotAuthenticatedError() | NotPermittedError():
            return NOT_PERMITTED
        case ConflictError():
            return CONFLICT
        case UnavailableError():
            return UNREACHABLE
        case _:
            return FAILED


def explain_usage(error: CycloptsError) -> int:
    """Print what the parser of the command line says; always status 2."""
    chinese = next((text for kind, text in USAGE_TITLES if isinstance(error, kind)), "用法不对")
    command = " ".join(("vidgate", *(error.command_chain or ())))
    _print(chinese, str(error), f"{command} --help")
    return USAGE


def _print(chinese: str, english: str, hint: str) -> None:
    print(f"错误: {chinese}", file=sys.stderr)
    print(f"error: {english}", file=sys.stderr)
    if hint:
        print(f"提示 hint: {hint}", file=sys.stderr)
