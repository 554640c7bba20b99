"""Every error that vidgate raises on purpose.

    VidgateError
    ├── InputError              what the caller gave is wrong; says what, where and how to fix it
    │   ├── SettingsError       a settings file, environment variable or option
    │   └── ForbiddenPlaceError our own settings forbid an address in it; carries `pointer`
    ├── NotFoundError           no such channel, change, session ...
    │   ├── NoAddressError      the channel is there, yet nothing says where its stream is
    │   └── KindNotServedError  the channel is there, yet its kind cannot be watched
    ├── ConflictError           somebody else changed it, or it exists already
    │   ├── StaleError          it is not what the caller has seen (If-Match)
    │   └── ChannelDisabledError    it is not to be watched: switched off, suspended or retired
    ├── NotAuthenticatedError   who are you?
    ├── NotPermittedError       you may not
    ├── NotAcceptableError      we have it, yet in no form that the caller can take
    ├── LimitError              a limit of ours is reached; try again later
    │   └── VerdictPendingError the same login is being tried already; nobody was asked
    ├── StorageError            the database cannot take or give it now
    ├── UnavailableError        the service cannot be reached (raised by its clients)
    └── RemoteError             a camera, platform or browser failed us; carries `reason`
        ├── UnreachableError    no connection, or it broke
        ├── RemoteTimeoutError  a deadline passed
        ├── TlsError            rtsps: no handshake, or a certificate that is not to be believed
        ├── ProtocolError       the peer sent nonsense
        ├── UnauthorizedError   401 or 403; trying again would lock the camera
        │   ├── NoCredentialError   it asks for a login and the channel has none
        │   └── HeldBackError       it did so lately, and was not asked again
        ├── BusyError           453 or 503: all its sessions are taken
        │   ├── HeldBusyError       they were lately, and it was not asked again
        │   └── SessionsTakenError  by our own count, so that nobody was asked
        ├── MissingStreamError  404: the camera has no such stream
        ├── RefusedError        any other refusal by status
        │   ├── RedirectedError     it sends us to another address, where we do not go
        │   ├── NoReplayError       it plays no recordings
        │   └── NoRecordingError    it has none of that time
        ├── DeniedAddressError  our own settings forbid that address
        ├── NoMediaError        connected, but no picture came or it stopped coming
        │   ├── NoKeyFrameError     packets came, but never a key frame
        │   └── SilentTransportError    nothing came by UDP, or by TCP; the other is worth a try
        └── UnsupportedError    it speaks a codec or transport that we do not

Two questions that callers ask are answered by `is_retryable` and `is_ours`.
"""

import copy
import errno
from collections.abc import Callable
from typing import ClassVar, TypeVar

MAX_SAID = 80  # characters of what a peer said that a message quotes


class VidgateError(Exception):
    """Base of all; `code` is stable and travels in problem documents, `hint` says how to fix it."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


E = TypeVar("E", bound=VidgateError)


def retold(error: E) -> E:
    """The same for one more who hears of it, without the frames through which it came.

    An error that is kept, or raised to several, would keep the frames of all whom it passed, and
    they it: a circle that only a search through all objects frees.
    """
    return copy.copy(error)


class InputError(VidgateError):
    """What the caller gave is wrong."""

    code = "bad_input"


class SettingsError(InputError):
    """A settings file, an environment variable or a command-line option is wrong."""

    code = "bad_settings"


class ForbiddenPlaceError(InputError):
    """An address in what the caller gave is one that our settings forbid.

    `pointer` says where it stands in the document that was sent (RFC 6901).
    """

    code = "place_forbidden"

    def __init__(self, message: str, *, pointer: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.pointer = pointer


class NotFoundError(VidgateError):
    """There is no such thing."""

    code = "not_found"


class NoAddressError(NotFoundError):
    """The channel is registered, and neither it nor its platform says where its stream is."""

    code = "no_address"


class KindNotServedError(NotFoundError):
    """The channel is registered, and we do not fetch streams of its kind."""

    code = "kind_not_served"


class ConflictError(VidgateError):
    """It exists already, or somebody else changed it since."""

    code = "conflict"


class StaleError(ConflictError):
    """The caller said what it has seen, and it is no longer so."""

    code = "precondition_failed"


class ChannelDisabledError(ConflictError):
    """The channel is switched off, suspended or retired: nobody watches it until that changes."""

    code = "channel_disabled"


class NotAuthenticatedError(VidgateError):
    """No valid session, token or ticket came with the request."""

    code = "not_authenticated"


class NotPermittedError(VidgateError):
    """The caller is known and may not do this."""

    code = "not_permitted"


class NotAcceptableError(VidgateError):
    """We have it, yet in no form that the caller can take (a codec that the browser lacks)."""

    code = "not_acceptable"


class LimitError(VidgateError):
    """A limit of ours is reached; trying again later helps."""

    code = "limit_reached"


class VerdictPendingError(LimitError):
    """The same login is being tried at the device, and what comes of it is not known yet.

    Trying again helps as soon as it is, which takes as long as one answer.
    """

    code = "verdict_pending"


class StorageError(VidgateError):
    """The database cannot take or give it now (full disk, locked, corrupt)."""

    code = "storage"


class UnavailableError(VidgateError):
    """The vidgate service itself cannot be reached; raised by its clients."""

    code = "unavailable"


class RemoteError(VidgateError):
    """A camera, a platform or a browser failed us.

    `reason` is one of `vidgate.model.health.Reason` by value. `again_at`: monotonic seconds from
    when one more try is in order, where tries are counted or spaced. `said`: words of the peer, as
    they came; the message ends with them, and `conceal` takes out what they must not tell.
    """

    code = "remote"
    reason: ClassVar[str] = "error"

    def __init__(
        self, message: str, *, hint: str = "", again_at: float | None = None, said: str = ""
    ) -> None:
        super().__init__(message + _quoted(said), hint=hint)
        self.again_at = again_at
        self._ours = message
        self._said = said

    def conceal(self, hide: Callable[[str], str]) -> None:
        """Quote the peer's words as `hide` returns them, which is given them before they are cut:
        half a password is one too many. Nothing is to be done where it said nothing.
        """
        if not self._said:
            return
        self.message = self._ours + _quoted(hide(self._said))
        self.args = (self.message,)
        self._ours, self._said = self.message, ""


def _quoted(said: str) -> str:
    """A peer's words at the end of one line; nothing where it said nothing."""
    words = "".join(c if c.isprintable() else "?" for c in said[:MAX_SAID]).strip()
    return f": {words}" if words else ""


class UnreachableError(RemoteError):
    """No connection could be made, or it broke."""

    code = "unreachable"
    reason = "unreachable"


class RemoteTimeoutError(RemoteError):
    """The peer did not answer before the deadline."""

    code = "timeout"
    reason = "timeout"


class TlsError(RemoteError):
    """It was to be encrypted, and that failed: a certificate, a version, or no TLS at all."""

    code = "tls"
    reason = "tls"


class ProtocolError(RemoteError):
    """The peer sent bytes that the protocol does not allow, or more than the limit."""

    code = "protocol_error"
    reason = "protocol_error"


class UnauthorizedError(RemoteError):
    """The peer refused our credentials. Never retried by itself: cameras lock accounts."""

    code = "camera_unauthorized"
    reason = "unauthorized"


class NoCredentialError(UnauthorizedError):
    """The peer asks for a login and the channel has none."""

    reason = "no_credential"


class HeldBackError(UnauthorizedError):
    """The peer refused our credentials lately; it was left in peace until `again_at`."""


class BusyError(RemoteError):
    """The peer's sessions are all taken (453, 503)."""

    code = "camera_busy"
    reason = "busy"


class HeldBusyError(BusyError):
    """The peer's sessions were all taken lately; it was left in peace until `again_at`."""


class SessionsTakenError(BusyError):
    """Every session that a platform allows us is taken; the camera was not asked."""

    code = "platform_full"


class MissingStreamError(RemoteError):
    """The peer knows no stream of that address (404)."""

    code = "stream_not_found"
    reason = "not_found"


class RefusedError(RemoteError):
    """The peer refused with a status that has no class of its own."""

    code = "refused"
    reason = "refused"


class RedirectedError(RefusedError):
    """The device sends us to another address, which is not followed: that is for a person."""

    code = "redirected"


class NoReplayError(RefusedError):
    """The device plays no recording at that address (551, or it answers with what is live)."""

    code = "no_replay"


class NoRecordingError(RefusedError):
    """The device has no recording of that time (457)."""

    code = "no_recording"


class DeniedAddressError(RemoteError):
    """The address resolves to one that `media.allow` and `media.deny` forbid; nothing was sent."""

    code = "address_denied"
    reason = "denied_address"


class NoMediaError(RemoteError):
    """Connected and playing, yet no picture came, or it stopped coming."""

    code = "no_media"
    reason = "no_media"


class NoKeyFrameError(NoMediaError):
    """Packets came, but never a picture from which decoding can start."""

    code = "no_key_frame"
    reason = "no_key_frame"


class SilentTransportError(NoMediaError):
    """Playing, yet no packet came by that transport, and the other is worth a try.

    By UDP a firewall is the usual cause; by TCP a camera that interleaves nothing.
    """


class UnsupportedError(RemoteError):
    """The peer offers only codecs or transports that we cannot take."""

    code = "unsupported"
    reason = "unsupported"


def is_retryable(error: BaseException) -> bool:
    """Whether trying the same again may help without anybody changing anything.

    A refused credential is fatal (the account would be locked), a forbidden address for minutes at
    least; wrong input and our own bugs are too, but an unknown exception from a worker is retried:
    the supervisor counts and reports it.
    """
    return not isinstance(
        error, UnauthorizedError | DeniedAddressError | InputError | NotFoundError
    )


# These say that this machine could not ask, which proves nothing about whom it would have asked.
_OURS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EACCES}
)


def is_ours(error: BaseException | None) -> bool:
    """Whether an error of the operating system is for want of means of this machine."""
    return isinstance(error, OSError) and error.errno in _OURS


def cannot_connect(where: str, error: OSError) -> VidgateError:
    """A connection that could not be made: by the peer's fault, or for want of means of our own."""
    if is_ours(error):
        return LimitError(
            f"本机资源不足 / this machine cannot open a connection: {error.strerror or error}"
        )
    return UnreachableError(f"{where}: {in_words(error)}")


_IN_CHINESE = {
    errno.ECONNREFUSED: "连接被拒绝, 端口没有服务",
    errno.ECONNRESET: "连接被对端重置",
    errno.EHOSTUNREACH: "到不了主机",
    errno.ENETUNREACH: "到不了网络",
    errno.ENETDOWN: "网络已断开",
    errno.EPIPE: "连接已断开",
    errno.ETIMEDOUT: "连接超时",
}


def in_words(error: OSError) -> str:
    """What the system says, in Chinese too where it is one of the usual things."""
    said = error.strerror or str(error)
    code = error.errno or 0
    chinese = "域名解析失败" if code < 0 else _IN_CHINESE.get(code)  # EAI_* of getaddrinfo
    return f"{chinese} / {said}" if chinese else said
