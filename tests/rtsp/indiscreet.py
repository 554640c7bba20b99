"""A camera that asks for a login in clear, and says back what it was told in confidence."""

from base64 import b64decode
from collections.abc import Callable

from tests.rtsp.camera import Habits
from vidgate.wire.message import Message

Says = Callable[[str, str], bytes]
"""Its answer, made of the CSeq and of what it was told."""


def says_back(says: Says, told: Callable[[Message], str]) -> Habits:
    def change(request: Message, reply: Message) -> Message | bytes:
        if not request.headers.get("Authorization"):
            reply.start = "RTSP/1.0 401 Unauthorized"
            reply.headers.add("WWW-Authenticate", 'Basic realm="x"')
            return reply
        return says(request.headers.get("CSeq"), told(request))

    return Habits(change=change)


def status(code: int, *headers: str) -> Says:
    return lambda cseq, told: "\r\n".join(
        (f"RTSP/1.0 {code} Error {told}", f"CSeq: {cseq}", *headers, "", "")
    ).encode()


def encoded_login(request: Message) -> str:
    return request.headers.get("Authorization").split()[1]


def login(request: Message) -> str:
    """As `name:password`."""
    return b64decode(encoded_login(request)).decode()
