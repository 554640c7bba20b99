"""The machine: what the kernel allows, the clock, fonts, codecs."""

import ctypes
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from vidgate.aio.clock import SystemClock
from vidgate.cli.checkup.finding import Finding, Subject, failed, ok, warning

MEDIA_BUFFER = 4 << 20  # bytes that the WebRTC port asks of the kernel, both ways
DESCRIPTORS = 65536  # as configs/vidgate.service has it
FEWEST_DESCRIPTORS = 4096
OLDEST = 1735689600  # 2025-01-01: a clock before it was never set
SOL_UDP, UDP_SEGMENT = 17, 103
STA_UNSYNC, TIMEX_STATUS, TIMEX_SIZE = 0x40, 40, 256  # struct timex of adjtimex(2), 64 bit
CODEC_TIMEOUT = 60.0
DECODERS = ("h264", "hevc", "aac", "pcm_alaw", "pcm_mulaw", "opus")
ENCODERS = ("libopus",)
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
CJK_FONTS = ("*NotoSans*CJK*", "*NotoSerif*CJK*", "*wqy*", "*SourceHan*", "*DroidSansFallback*")

_PROBE = """
import sys, av
for mode, names in (("r", sys.argv[1]), ("w", sys.argv[2])):
    for name in names.split(","):
        try:
            av.Codec(name, mode)
        except Exception:
            print(name)
"""


def buffers(_: Subject) -> Finding:
    """What the kernel really grants where we ask for the buffers of the media port."""
    got = {
        name: _granted(option)
        for name, option in (("rmem_max", socket.SO_RCVBUF), ("wmem_max", socket.SO_SNDBUF))
    }
    short = {name: size for name, size in got.items() if size < MEDIA_BUFFER}
    if not short:
        return ok(f"各 {MEDIA_BUFFER} 字节", f"{MEDIA_BUFFER} bytes each way")
    shown = ", ".join(f"net.core.{name} {size}" for name, size in short.items())
    lines = "\\n".join(f"net.core.{name} = {MEDIA_BUFFER}" for name in short)
    return warning(
        f"内核限制, 突发时会丢包: {shown}",
        f"less than {MEDIA_BUFFER}: bursts are lost",
        f"printf '{lines}\\n' | sudo tee /etc/sysctl.d/60-vidgate.conf && sudo sysctl --system",
    )


def _granted(option: int) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, option, MEDIA_BUFFER)
        return sock.getsockopt(socket.SOL_SOCKET, option) // 2  # socket(7): the kernel doubles it


def segmentation(_: Subject) -> Finding:
    """UDP GSO: one call of the kernel for many packets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.setsockopt(SOL_UDP, UDP_SEGMENT, 1200)
        except OSError as error:
            return warning(
                f"内核不支持, 每路观看多用 CPU: {error.strerror}",
                "not supported: a viewer costs more CPU",
                "Linux 4.18 或更新 or newer",
            )
    return ok("支持", "supported")


def descriptors(_: Subject) -> Finding:
    """Open files: the service raises its own limit as far as this one allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= DESCRIPTORS:
        return ok("足够", f"{hard} allowed")
    told = (
        f"最多 {hard} 个, 应为 {DESCRIPTORS}",
        f"{hard} allowed, {DESCRIPTORS} wanted",
        f"LimitNOFILE={DESCRIPTORS} (systemd), 或 or: ulimit -Hn {DESCRIPTORS}",
    )
    return failed(*told) if hard < FEWEST_DESCRIPTORS else warning(*told)


def clock(_: Subject) -> Finding:
    """Whether the kernel believes that its clock is kept by somebody."""
    if SystemClock().wall() < OLDEST:
        fix = "sudo timedatectl set-time 'YYYY-MM-DD HH:MM'"
        return failed("时间未设置", "it was never set", fix)
    synchronised = _is_synchronised()
    if synchronised is False:
        return warning(
            "没有与时间服务器同步: 时间戳和录像对不上",
            "not kept by a time server",
            "sudo apt-get install chrony; /etc/chrony/chrony.conf: server NTP服务器 iburst",
        )
    if synchronised is None:
        return ok("已设置, 无法得知是否同步", "set; whether it is kept cannot be told here")
    return ok("已同步", "synchronised")


def zone(subject: Subject) -> Finding:
    """Whose midnights divide the days of reports, and whose hours people mean."""
    if named := subject.settings.history.timezone:
        return ok(named, "history.timezone")
    if time.daylight or time.timezone:
        return ok(subject.settings.history.zone or time.tzname[0], "the machine's")
    return warning(
        "history.timezone 为空, 这里的时区是 UTC: 服务若没有 TZ, 日报从 UTC 零点分日, "
        "没写时区的检修时刻按 UTC",
        "history.timezone is empty and the zone here UTC: so are days and maintenance times, "
        "unless the service has a TZ (our unit and container have)",
        "history.timezone: Asia/Shanghai; sudo timedatectl set-timezone Asia/Shanghai",
    )


def _is_synchronised() -> bool | None:
    """By adjtimex(2), which anybody may read; None where it does not say."""
    state = ctypes.create_string_buffer(TIMEX_SIZE)
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(state)
    except (OSError, AttributeError):
        return None
    if answer < 0:
        return None
    status = int.from_bytes(state.raw[TIMEX_STATUS : TIMEX_STATUS + 4], sys.byteorder)
    return not status & STA_UNSYNC


def font(subject: Subject) -> Finding:
    """A font with Chinese, for captions."""
    wanted = subject.settings.media.font
    fix = "sudo apt-get install fonts-noto-cjk"
    if wanted:
        if os.access(wanted, os.R_OK):
            return ok(wanted, "media.font")
        return failed(f"media.font 读不到: {wanted}", "media.font cannot be read", fix)
    found = next(_fonts(FONT_FOLDERS), None)
    if found is None:
        return warning("没有中文字体, 字幕会成方块", "no CJK font: captions show boxes", fix)
    return ok(found.name, "found")


def _fonts(folders: Iterable[str]) -> Iterator[Path]:
    for folder in folders:
        for pattern in CJK_FONTS:
            yield from Path(folder).expanduser().rglob(f"{pattern}.[to]t[fc]")


def codecs(_: Subject) -> Finding:
    """What the media library can read and write; asked in a process of its own, as workers are."""
    fix = f"{sys.executable} -m pip install --force-reinstall av"
    command = [sys.executable, "-c", _PROBE, ",".join(DECODERS), ",".join(ENCODERS)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=CODEC_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return failed(f"无法检查: {error}", "cannot be asked", fix)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["?"])[-1]
        return failed(f"PyAV 不能用: {last}", "PyAV does not work", fix)
    if missing := done.stdout.split():
        return failed(f"缺少: {', '.join(missing)}", "missing", fix)
    return ok(", ".join(DECODERS), "present")
