"""The tree of commands, and how each of them ends.

Commands are registered as "module:function" and imported when they are called, so that a client
command loads no media library. Exit status: 0 ok, 1 failed, 2 usage, 3 partly, 4 not permitted,
5 conflict, 6 service unreachable, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from cyclopts import App, CycloptsError, Group

import vidgate
from vidgate.cli import errors
from vidgate.errors import VidgateError

HELP_FLAGS = ("--help", "-h", "--version")
COMPLETE = "__complete"  # what the script of a shell calls us with at each TAB
OK, USAGE, INTERRUPTED = 0, 2, 130


class Verb(NamedTuple):
    """One command: its name, where it is, and its line of help."""

    name: str
    target: str
    help: str


class Noun(NamedTuple):
    """A group of commands about one kind of thing."""

    name: str
    help: str
    verbs: tuple[Verb, ...]


ALONE = (
    Verb("serve", "serve:serve", "运行服务 · run the service"),
    Verb("demo", "demo:demo", "演示: 模拟 2743 路 · a demonstration, simulated"),
    Verb("probe", "probe:probe", "探测通道, 以画面为准 · probe channels, up to a picture"),
    Verb("doctor", "doctor:doctor", "体检: 端口, 磁盘, 内核, 证书 · is this machine fit for it"),
    Verb("completion", "completion:completion", "命令补全 bash, zsh, fish · shell completion"),
    Verb("version", "version:version", "版本 · the version"),
)
NOUNS = (
    Noun(
        "channel",
        "视频通道 · video channels",
        (
            Verb("template", "register:template", "登记表模板 (xlsx) · an empty register"),
            Verb(
                "import", "register:import_file", "导入登记表 (xlsx, xls, csv) · import a register"
            ),
            Verb("export", "register:export", "导出, 可原样导回 · write the register to a file"),
            Verb(
                "list", "channel:list_channels", "列出通道及状态 · list channels and their states"
            ),
            Verb("show", "channel:show", "一个通道的全部信息 · everything about one channel"),
            Verb("history", "channel:history", "一个通道的变更历史 · what was done to a channel"),
            Verb("add", "channel:add", "新增一个通道 · add one channel"),
            Verb("set", "channel:set_fields", "修改一个通道 · change one channel"),
            Verb("test", "channel:try_channel", "试连, 显示所用规则 · try it, show the rule"),
            Verb("submit", "channel:submit", "报验: 建好待验收 · put up for acceptance"),
            Verb("approve", "channel:approve", "验收通过, 计入在线率 · accept channels"),
            Verb("remove", "channel:remove", "移除通道, 可撤销 · remove channels; can be undone"),
        ),
    ),
    Noun(
        "change",
        "变更记录 · what was changed",
        (
            Verb("list", "change:list_changes", "列出变更 · list changes"),
            Verb("show", "change:show", "一次变更的每一行 · the rows of one change"),
            Verb("undo", "change:undo", "撤销一次变更 · undo one change"),
        ),
    ),
    Noun(
        "platform",
        "来源平台 · platforms that channels come through",
        (
            Verb("list", "platform:list_platforms", "列出平台 · list platforms"),
            Verb("set", "platform:set_platform", "新增或修改平台 · add or change a platform"),
        ),
    ),
    Noun(
        "credential",
        "摄像机口令 · camera credentials",
        (
            Verb("set", "credential:set_credential", "保存用户名和口令 · store a login"),
            Verb("list", "credential:list_credentials", "列出 (不显示口令) · list, no passwords"),
            Verb("test", "credential:try_credential", "试用, 每台主机一次 · try it at each host"),
            Verb("rotate", "credential:rotate_key", "更换 secret.key · rotate the key"),
        ),
    ),
    Noun(
        "maintenance",
        "检修时段与免责 · maintenance windows and excuses",
        (
            Verb("list", "maintenance:list_windows", "列出检修时段 · list windows"),
            Verb("add", "maintenance:add", "新增检修, 或为过去的故障免责 · add one, or excuse"),
            Verb("end", "maintenance:end", "提前结束或取消 · end or drop one"),
        ),
    ),
    Noun(
        "alarm",
        "告警: 按共同原因合并 · alarms, folded by cause",
        (
            Verb("list", "alarm:list_alarms", "列出告警 · list alarms"),
            Verb("show", "alarm:show", "成员通道与处置经过 · its channels, and what was done"),
            Verb("acknowledge", "alarm:acknowledge", "确认: 我来处理 · say that you see to it"),
            Verb("note", "alarm:note", "备注 · say something of it"),
            Verb("close", "alarm:close", "关闭并写明原因 · close it and say why"),
        ),
    ),
    Noun(
        "report",
        "报表 · reports",
        (Verb("uptime", "report:uptime", "在线率及缺失归因 · uptime, and why it is missing"),),
    ),
    Noun(
        "user",
        "账号 · accounts of people",
        (
            Verb(
                "password",
                "user:renew_password",
                "重设密码, 只显示一次 · a new password, shown once",
            ),
        ),
    ),
    Noun(
        "token",
        "接口令牌 · API tokens",
        (
            Verb("create", "token:create", "新建令牌, 只显示一次 · create one, shown once"),
            Verb("list", "token:list_tokens", "列出令牌 · list tokens"),
            Verb("revoke", "token:revoke", "吊销令牌 · revoke a token"),
        ),
    ),
    Noun(
        "cert",
        "HTTPS 证书 · certificates for HTTPS",
        (
            Verb(
                "init", "cert:init", "建立本单位 CA 并签发证书 · a site's authority, a certificate"
            ),
        ),
    ),
    Noun(
        "simulate",
        "模拟器 · the simulator",
        (
            Verb("register", "simulate:register", "生成示例登记表 · write a sample register"),
            Verb("fleet", "simulate:fleet", "运行模拟摄像机 · run simulated cameras"),
            Verb("faults", "simulate:faults", "可模拟的故障 · what can be wrong with them"),
            Verb("fault", "simulate:fault", "弄坏或修好一路 · break or mend one of them"),
        ),
    ),
)


def application() -> App:
    """The tree of commands; nothing of them is imported yet."""
    groups = {
        "group_commands": Group("命令 Commands"),
        "group_arguments": Group("参数 Arguments"),
        "group_parameters": Group("选项 Options"),
    }
    root = App(
        name="vidgate",
        help="视频网关: 登记摄像机, 判断哪些真正看得见, 并显示画面。\n\n"
        "Register cameras, know which can truly be seen, show them.",
        help_epilogue="退出码 exit: 0 成功 ok · 1 失败 failed · 2 用法 usage · 3 部分 partly · "
        "4 无权限 not permitted · 5 冲突 conflict · 6 服务不可达 unreachable",
        version=vidgate.__version__,
        help_format="plaintext",
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        **groups,  # type: ignore[arg-type]
    )
    root["--help"].help = "显示帮助 · show this"
    root["--version"].help = "显示版本 · show the version"
    for verb in ALONE:
        _register(root, verb)
    for noun in NOUNS:
        branch = App(name=noun.name, help=noun.help, **groups)  # type: ignore[arg-type]
        for verb in noun.verbs:
            _register(branch, verb)
        root.command(branch)
    return root


def _register(app: App, verb: Verb) -> None:
    app.command(f"vidgate.cli.{verb.target}", name=verb.name, help=verb.help)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; errors are explained on stderr."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        outcome = application()(list(arguments))
        sys.stdout.flush()
    except CycloptsError as error:
        return errors.explain_usage(error)
    except VidgateError as error:
        return errors.explain(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us went away (`| head`): the rest has no reader, nor has a complaint at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return _status(outcome, arguments)


def _status(outcome: object, arguments: Sequence[str]) -> int:
    """A command answers its status; None means that help was shown instead of one."""
    if isinstance(outcome, int):
        return outcome
    asked = not arguments or any(flag in arguments for flag in (*HELP_FLAGS, COMPLETE))
    return OK if asked else USAGE
