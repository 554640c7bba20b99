"""Which addresses can be pulled, and what is told of those that are given instead."""

from dataclasses import replace

from vidgate.errors import UnsupportedError
from vidgate.wire.uri import Uri

# RTSP through HTTP and HTTPS, over WebSocket and the same over TLS.
TUNNELLED = ("rtsph", "rtspsh", "ws", "wss")
WEBSOCKET = ("ws", "wss")
SECURE = ("rtsps", "rtspsh", "wss")
PULLED = ("rtsp", "rtsps", *TUNNELLED)

# scheme -> what it stands for, zh-CN and English
_PAGE = "HLS, HTTP-FLV 或 HTTP 隧道", "HLS, HTTP-FLV or a tunnel"
_KNOWN = {"http": _PAGE, "https": _PAGE}


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
        hint="改用 rtsp:// 或 rtsps:// 地址, 默认就走 TCP, 端口多为 554; "
        "RTSP 经 HTTP 隧道写成 rtsph:// / "
        "give an rtsp:// or rtsps:// address: it goes over TCP by default, mostly at port 554; "
        "RTSP tunnelled through HTTP is written rtsph://",
    )


def spoken(uri: Uri) -> Uri:
    """The address as requests name it: RTSP itself knows nothing of the tunnel around it."""
    if uri.scheme not in TUNNELLED:
        return uri
    return replace(uri, scheme="rtsp", port=uri.effective_port)
