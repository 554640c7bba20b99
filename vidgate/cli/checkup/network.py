"""The network: ports, the addresses that we name to browsers, what cameras may be."""

import errno
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

from vidgate.cli.checkup.finding import Finding, Subject, failed, ok, warning
from vidgate.settings.tree import Settings

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
RESERVED = Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
LOOPBACK = IPv4Network("127.0.0.0/8")


class Listener(NamedTuple):
    """A port that the service takes by its settings."""

    setting: str
    kind: socket.SocketKind
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.port}/{'tcp' if self.kind == TCP else 'udp'}"


def listeners(settings: Settings) -> Iterator[Listener]:
    """Every fixed port of a service with these settings."""
    http = settings.http
    found = [Listener("http.port", TCP, http.host, http.port)]
    if http.tls.cert:
        found.append(Listener("http.tls.port", TCP, http.host, http.tls.port))
    found.append(Listener("webrtc.port", UDP, "0.0.0.0", settings.webrtc.port))
    return (one for one in found if one.port)


def ports(subject: Subject) -> Finding:
    """Free before the start, taken by the service while it runs."""
    wanted = list(listeners(subject.settings))
    shown = ", ".join(map(str, wanted)) or "自动 automatic"
    if subject.is_running:
        free = [one for one in wanted if _obstacle(one) == 0]
        if free:
            return warning(
                f"服务没有监听: {', '.join(map(str, free))}",
                "the running service does not listen there: it has other settings",
                "sudo systemctl restart vidgate",
            )
        return ok(f"{shown} 由运行中的服务使用", "in use by the running service")
    for one in wanted:
        if code := _obstacle(one):
            return _unusable(one, code)
    return ok(f"{shown} 空闲", "free")


def _obstacle(listener: Listener) -> int:
    """The errno that a service would meet; 0 where it could listen."""
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    with socket.socket(family, listener.kind) as sock:
        if listener.kind == TCP:
            # As servers do, or a connection in TIME_WAIT would look like a listener.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((listener.host, listener.port))
        except OSError as error:
            return error.errno or errno.EIO
    return 0


def _unusable(one: Listener, code: int) -> Finding:
    flag = "t" if one.kind == TCP else "u"
    look = f"ss -l{flag}np 'sport = :{one.port}'   # 谁在用 who has it; 或 or: {one.setting}"
    told = {
        errno.EADDRINUSE: (f"{one} 已被占用", "is taken by another program", look),
        errno.EACCES: (
            f"{one} 需要特权",
            "is below 1024",
            "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        ),
        errno.EADDRNOTAVAIL: (f"{one.host} 不是本机地址", "is not ours", "http.host: 0.0.0.0"),
    }
    other = (f"{one} 不能用: {errno.errorcode.get(code, code)}", "cannot be used", look)
    return failed(*told.get(code, other))


def media_ports(subject: Subject) -> Finding:
    """The RTP range: even start, room for pairs, not where the kernel takes ports for others."""
    first, last = subject.settings.rtp.first, subject.settings.rtp.last
    if first % 2 or last - first < 1:
        return failed(
            f"{first}-{last}/udp 不成对",
            "must begin even and hold a pair",
            "rtp.first: 30000, rtp.last: 30999",
        )
    low, high = _numbers(EPHEMERAL) or (32768, 60999)
    if first <= high and last >= low and not _is_reserved(first, last):
        return warning(
            f"{first}-{last}/udp 与系统临时端口 {low}-{high} 重叠",
            "overlaps the ports that the kernel gives to others",
            f"echo 'net.ipv4.ip_local_reserved_ports = {first}-{last}'"
            " | sudo tee /etc/sysctl.d/61-vidgate.conf && sudo sysctl --system",
        )
    return ok(f"{first}-{last}/udp", f"{(last - first + 1) // 2} pairs")


def _numbers(path: Path) -> tuple[int, int] | None:
    try:
        low, high = path.read_text().split()
    except (OSError, ValueError):
        return None
    return int(low), int(high)


def _is_reserved(first: int, last: int) -> bool:
    try:
        text = RESERVED.read_text().strip()
    except OSError:
        return False
    for part in filter(None, text.split(",")):
        low, _, high = part.partition("-")
        if int(low) <= first and int(high or low) >= last:
            return True
    return False


def addresses(subject: Subject) -> Finding:
    """`webrtc.hosts`: a browser sends its packets to exactly these."""
    hosts = subject.settings.webrtc.hosts
    if subject.settings.is_media_behind_proxy:
        return warning(
            "在反向代理之后, 浏览器只得到代理连接本机的地址, 看不到画面",
            "behind a reverse proxy (http.trusted_proxies) browsers are told its way to us alone",
            "webrtc.hosts: [用户能到达的本机地址]   # ip -br address",
        )
    if not hosts:
        return ok("浏览器用打开控制台的地址", "browsers use the address of the console")
    foreign = [host for host in hosts if not _is_ours(host)]
    if foreign:
        return warning(
            f"不是本机地址: {', '.join(foreign)} (经地址转换时才应如此)",
            "not an address of this machine; right only behind NAT",
            "webrtc.hosts: [本机地址]   # ip -br address",
        )
    return ok(", ".join(hosts), "addresses of this machine")


def _is_ours(host: str) -> bool:
    family = socket.AF_INET if isinstance(ip_address(host), IPv4Address) else socket.AF_INET6
    with socket.socket(family, UDP) as sock:
        try:
            sock.bind((host, 0))
        except OSError:
            return False
    return True


def loopback(subject: Subject) -> Finding:
    """On a site no camera is on this machine, and what listens here is not for users' addresses."""
    denied = (ip_network(one) for one in subject.settings.media.deny)
    if any(isinstance(one, IPv4Network) and LOOPBACK.subnet_of(one) for one in denied):
        return ok("摄像机地址不能指向本机", "no camera address may be this machine's")
    return warning(
        "摄像机地址可以指向本机 127.0.0.0/8 (只有演示需要)",
        "a camera address may be this machine's, which only the demo needs",
        "media.deny: 加上 add 127.0.0.0/8",
    )
