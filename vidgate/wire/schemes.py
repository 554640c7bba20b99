"""Which addresses can be pulled, and what is told of those that are given instead."""

from vidgate.errors import UnsupportedError

PULLED = ("rtsp", "rtsps")

# scheme -> what it stands for, zh-CN and English
_HTTP = "RTSP 经 HTTP 隧道", "RTSP tunnelled through HTTP"
_WEBSOCKET = "RTSP 经 WebSocket", "RTSP over WebSocket"
_PAGE = "HLS, HTTP-FLV 或 HTTP 隧道", "HLS, HTTP-FLV or a tunnel"
_KNOWN = {
    "rtsph": _HTTP,
    "rtspsh": _HTTP,
    "ws": _WEBSOCKET,
    "wss": _WEBSOCKET,
    "http": _PAGE,
    "https": _PAGE,
}


def kind_of(scheme: str) -> tuple[str, str] | None:
    """What a scheme that cannot be pulled stands for, zh-CN and English; None where unknown."""
    return _KNOWN.get(scheme)


def unsupported(scheme: str) -> UnsupportedError:
    """The error for an address of a scheme that is not `PULLED`.

    An unknown scheme is not quoted: where the address came from a platform it may be anything.
    """
    kind = kind_of(scheme)
    if kind is None:
        message = "不能从这种地址取流 / addresses of this kind cannot be pulled"
    else:
        chinese, english = kind
        message = f"{scheme}:// ({chinese}) 不能取流 / {scheme}:// ({english}) cannot be pulled"
    return UnsupportedError(
        message,
        hint="改用 rtsp:// 或 rtsps:// 地址, 默认就走 TCP, 端口多为 554 / "
        "give an rtsp:// or rtsps:// address: it goes over TCP by default, mostly at port 554",
    )
