"""What to do next: by command, and by what came of it."""

import shlex
from collections.abc import Mapping
from typing import NamedTuple

from vidgate.cli import output


class Step(NamedTuple):
    """A command, with `{names}` of what its predecessor knows, and why it comes next."""

    command: str
    why: str


_SEE = Step("probe --all", "看看哪些真正看得见 which can truly be seen")
_LOOK = Step("probe {id}", "现在看看它 look at it now")
_SUBMIT = Step("channel submit {id}", "建好后报验 built: put it up for acceptance")
_APPROVE = Step("channel approve {id}", "有画面后验收 with a picture: accept it")
_OF_ITS_LIFE = {"": _LOOK, "accepted": _LOOK, "planned": _SUBMIT, "commissioning": _APPROVE}
_HOW = Step("channel show {id}", "它的地址和凭据 its address and credential")
_UNDO = Step("change undo {change}", "可以撤销 it can be undone")

STEPS: Mapping[str, Mapping[str, Step]] = {
    "channel template": {
        "": Step("channel import {file} --dry-run", "填好后先试导入 fill it, then try it"),
    },
    "channel import": {
        "rejected": Step(
            "channel import {file} --dry-run --errors 改.xlsx",
            "在标出的表里改好再试; 或 --partial 只导好行 mend them in the marked sheet",
        ),
        "tried": Step("channel import {file} {flags}", "正式导入 import it"),
        "same": Step("channel list", "没有变化 nothing changed"),
        "accepted": _SEE,
        "commissioning": Step(
            "channel list --lifecycle commissioning",
            "待验收的: 先 channel test, 有画面再 channel approve · try them, then approve",
        ),
        "planned": Step(
            "channel list --lifecycle planned",
            "还在规划, 不探测; 建好后 channel submit · planned: nothing to be probed yet",
        ),
        "": Step("change show {change}", "这次的每一行 its rows"),
    },
    "channel export": {
        "": Step("channel import {file} --dry-run", "改好后先试导入 edit it, then try it"),
    },
    "channel history": {"": _LOOK, "some": _UNDO},
    "channel list": {
        "": _SEE,
        "empty": Step("channel template", "从登记表模板开始 start with the template"),
        "nothing": Step("channel list", "没有符合的, 全部通道 none of them; all channels"),
        "planned": _SUBMIT,
        "commissioning": _APPROVE,
    },
    "channel show": _OF_ITS_LIFE,
    "channel add": _OF_ITS_LIFE,
    "channel set": _OF_ITS_LIFE,
    "channel test": {
        "": Step("probe {id}", "画面才是证明 a picture is the proof"),
        "bad": _HOW,
    },
    "channel submit": {
        "": Step("probe {ids}", "有画面再验收 a picture, then approve"),
    },
    "channel approve": {
        "": Step("platform list", "各平台接入率 what each platform has delivered"),
    },
    "channel remove": {
        "": Step("change list", "可以撤销 change undo N brings it back"),
    },
    "change list": {
        "": Step("change show {change}", "看每一行 see its rows"),
        "empty": Step("channel import FILE", "还没有变更 no change yet"),
    },
    "change show": {
        "": _UNDO,
        "undone": Step("change show {by}", "它被这次撤销 what undid it"),
    },
    "change undo": {
        "": Step("change undo {change}", "撤销本身也可撤销 undoing can be undone"),
    },
    "platform list": {
        "": Step("platform set ID --slots 16", "它能承受的路数 what it can bear"),
        "empty": Step("channel import FILE", "导入时自动新建平台 an import makes them"),
        "owing": Step("channel list --platform {id}", "还没有接满 what it has delivered so far"),
    },
    "platform set": {
        "": Step("platform list", "全部平台 all platforms"),
        "lost": Step("channel list --platform {id}", "给它们地址 give them addresses"),
    },
    "credential set": {
        "": Step("channel set ID --credential {name}", "让通道用它 let a channel use it"),
        "used": Step("credential test {name}", "试一试 try it"),
    },
    "credential list": {
        "": Step("credential test {name}", "试一试 try it"),
        "empty": Step("credential set NAME --username USER", "新增一个 add one"),
    },
    "credential test": {
        "": _SEE,
        "unused": Step("credential set {name} --host '10.1.*'", "说明给谁用 say for whom"),
        "wrong": Step("credential set {name} --username USER", "更正口令 put it right"),
        "bad": _HOW,
    },
    "credential rotate": {
        "": Step("credential list", "全部凭据 all credentials"),
    },
    "probe": {
        "": Step("channel list", "全部通道 all channels"),
        "failed": _HOW,
        "shallow": Step("probe --all --level media", "有应答还不算看得见 a picture is the proof"),
    },
    "maintenance list": {
        "": Step("maintenance add --platform ID --until 4h -m 原因", "安排一次检修 plan one"),
        "some": Step("maintenance end {window}", "提前结束 end it now"),
    },
    "maintenance add": {"": Step("maintenance end {window}", "提前结束或撤回 end or take back")},
    "maintenance end": {"": Step("maintenance list", "其余时段 the others")},
    "alarm list": {
        "": Step("alarm list --attention all", "没有待处置的, 历史告警 none waits; past ones"),
        "open": Step("alarm show {alarm}", "看涉及哪些通道 see its channels"),
    },
    "alarm show": {
        "": Step("alarm close {alarm} -m 原因", "无需处理时关闭 close it where it needs nobody"),
        "open": Step("alarm acknowledge {alarm}", "由你处理 you see to it"),
        "closed": Step("alarm list", "其余告警 the others"),
    },
    "alarm acknowledge": {"": Step("alarm note {alarm} -m 进展", "记下进展 say how it goes")},
    "alarm note": {"": Step("alarm show {alarm}", "处置经过 what was done so far")},
    "alarm close": {"": Step("alarm list", "其余告警 the others")},
    "report uptime": {
        "": Step("report uptime -o html --file 在线率.html", "可打印的一页 a page to print"),
        "worst": Step("channel show {id}", "看看最差的一路 look at the worst"),
    },
    "cert init": {
        "": Step("doctor", "核对证书和名称 check the certificate and its names"),
    },
    "user password": {"": Step("token list", "令牌不受影响, 核对 tokens still work: look at them")},
    "token create": {"": Step("token list", "全部令牌 all tokens")},
    "token list": {
        "": Step("token revoke ID", "吊销不用的 revoke what nobody uses"),
        "empty": Step("token create --role engineer", "新建一个 create one"),
    },
    "token revoke": {"": Step("token list", "剩下的令牌 those that remain")},
    "doctor": {
        "": Step("channel list", "一切就绪 all is well: the channels"),
        "bad": Step("doctor", "修好后再查一次 mend that, then look again"),
        "stopped": Step("serve", "启动服务 start the service"),
    },
    "version": {"": Step("doctor", "本机能否胜任 is this machine fit for it")},
    "completion": {"": Step("--help", "全部命令 all commands")},
    "simulate register": {
        "": Step("simulate fleet --register {file}", "运行这些摄像机 run those cameras"),
    },
    "simulate faults": {
        "": Step("simulate fault ID NAME --control URL", "弄坏一路 break a camera"),
    },
    "simulate fault": {"": Step("channel show {id}", "看它的状态 see its state")},
}


def tell(command: str, outcome: str = "", **known: object) -> None:
    """Name the next sensible command, on stderr; an outcome without a step has the usual one."""
    steps = STEPS[command]
    step = steps.get(outcome) or steps[""]
    words = {name: _words(value) for name, value in known.items()}
    output.note(f"下一步 next: vidgate {step.command.format_map(words).rstrip()}    # {step.why}")


def _words(value: object) -> str:
    """As a shell takes it: what a person copies must mean the same thing there."""
    if isinstance(value, list | tuple):
        return " ".join(map(_words, value))
    return shlex.quote(output.text(value))
