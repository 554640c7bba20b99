"""Errors become RFC 9457 problem documents with a stable `code`; the one gate of the HTTP side."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web
from pydantic import ValidationError

from vidgate.aio.clock import Clock
from vidgate.errors import (
    ForbiddenPlaceError,
    InputError,
    LimitError,
    RemoteError,
    VerdictPendingError,
    VidgateError,
)
from vidgate.mistakes import explain

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STARTED = web.RequestKey("started", bool)
CLOCK: web.AppKey[Clock] = web.AppKey("clock")

MEDIA_TYPE = "application/problem+json"
# Kind of error -> whole seconds until the next try is in order, the special before the general.
RESTS: tuple[tuple[type[VidgateError], int], ...] = ((VerdictPendingError, 1), (LimitError, 5))
SEE_LOG = "请查看服务日志 / see the log of the service"

# code -> status and titles, zh-CN and English. A test holds every VidgateError against it.
PROBLEMS: dict[str, tuple[int, str, str]] = {
    "bad_input": (400, "请求有误", "Bad input"),
    "bad_settings": (400, "设置有误", "Bad settings"),
    "not_authenticated": (401, "请先登录", "Not signed in"),
    "not_permitted": (403, "没有权限", "Not permitted"),
    "not_found": (404, "不存在", "Not found"),
    "no_address": (404, "通道没有取流地址", "The channel has no stream address"),
    "kind_not_served": (404, "不支持此接入方式", "Channels of this kind are not served"),
    "no_recording": (404, "该时段没有录像", "No recording of that time"),
    "no_picture": (404, "还没有画面", "No picture yet"),
    "method_not_allowed": (405, "不支持此方法", "Method not allowed"),
    "not_acceptable": (406, "浏览器不支持此编码", "No codec the browser can take"),
    "request_timeout": (408, "请求超时", "The request took too long"),
    "conflict": (409, "已被他人修改或已存在", "Conflict"),
    "channel_disabled": (409, "通道已停用", "The channel is disabled"),
    "precondition_failed": (412, "已被他人修改", "Changed by somebody else"),
    "too_large": (413, "内容过大", "Too large"),
    "media_type": (415, "内容类型不支持", "Unsupported media type"),
    "place_forbidden": (422, "地址不允许访问", "The address is not allowed"),
    "unprocessable": (422, "无法处理", "Cannot be processed"),
    "too_many_requests": (429, "请求过于频繁，请稍后再试", "Too many requests"),
    "too_many_attempts": (429, "尝试过于频繁，请稍后再试", "Too many attempts"),
    "worker": (500, "后台处理失败", "The background work failed"),
    "error": (500, "内部错误", "Internal error"),
    "remote": (502, "设备出错", "The device failed"),
    "unreachable": (502, "设备无法连接", "Device unreachable"),
    "tls": (502, "设备的 TLS 加密失败", "TLS to the device failed"),
    "protocol_error": (502, "设备应答有误", "The device sent nonsense"),
    "camera_unauthorized": (502, "设备用户名或密码错误", "The device refused our credentials"),
    "stream_not_found": (502, "设备上没有此码流", "The device has no such stream"),
    "refused": (502, "设备拒绝", "The device refused"),
    "redirected": (502, "设备要求改连别的地址", "The device sends us to another address"),
    "no_replay": (502, "设备不提供录像回放", "The device offers no replay"),
    "address_denied": (502, "地址不允许访问", "The address is not allowed"),
    "no_media": (502, "没有画面", "No picture"),
    "no_key_frame": (502, "没有可解码的画面", "No picture that can be decoded"),
    "unsupported": (502, "设备编码不支持", "Codec of the device not supported"),
    "camera_busy": (503, "设备会话已满", "All sessions of the device are taken"),
    "platform_full": (503, "平台会话已满", "All sessions of the platform are taken"),
    "verdict_pending": (503, "登录正在验证，请稍后再试", "The login is still being tried"),
    "limit_reached": (503, "已达上限，请稍后再试", "Limit reached"),
    "unavailable": (503, "服务不可用", "Unavailable"),
    "timeout": (504, "设备超时", "The device did not answer in time"),
    "storage": (507, "数据库无法写入", "The database cannot take it"),
}

_OF_STATUS = {
    401: "not_authenticated",
    403: "not_permitted",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "media_type",
    422: "unprocessable",
}


class TooLargeError(InputError):
    """The body is larger than the route takes."""

    code = "too_large"


class SlowBodyError(InputError):
    """The body did not arrive before the deadline."""

    code = "request_timeout"


class MediaTypeError(InputError):
    """The body's media type or encoding is not what the route takes."""

    code = "media_type"


class UnprocessableError(InputError):
    """Well formed, and yet it asks for what we do not do."""

    code = "unprocessable"


class TooManyRequestsError(VidgateError):
    """One caller asks too often; `retry_after` seconds until the next try."""

    code = "too_many_requests"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooManyAttemptsError(TooManyRequestsError):
    """Too many wrong passwords."""

    code = "too_many_attempts"


def problem(
    request: web.Request,
    code: str,
    detail: str = "",
    *,
    hint: str = "",
    status: int | None = None,
    pointer: str = "",
) -> web.Response:
    """The problem document of RFC 9457 section 3, in the language the caller prefers.

    `pointer` (RFC 6901) goes into `errors`, as the example there has it.
    """
    known, chinese, english = PROBLEMS.get(code, PROBLEMS["error"])
    prefers_english = request.headers.get("Accept-Language", "").lower().startswith("en")
    document = {
        "type": f"urn:vidgate:problem:{code}",
        "title": english if prefers_english else chinese,
        "status": status or known,
        "detail": detail,
        "code": code,
        "hint": hint,
    }
    if pointer:
        document["errors"] = [{"detail": detail, "pointer": f"#{pointer}"}]
    response = web.Response(
        status=status or known,
        text=json.dumps(document, ensure_ascii=False),
        content_type=MEDIA_TYPE,
    )
    if response.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="vidgate"'
    return response


def problem_of(request: web.Request, error: VidgateError) -> web.Response:
    """The problem document of one of our errors."""
    pointer = error.pointer if isinstance(error, ForbiddenPlaceError) else ""
    response = problem(request, error.code, error.message, hint=error.hint, pointer=pointer)
    wait = _wait(request, error)
    if wait is not None:
        response.headers[hdrs.RETRY_AFTER] = str(wait)
    return response


def _wait(request: web.Request, error: VidgateError) -> int | None:
    """Whole seconds until the next try is in order, at least 1; None where nobody knows."""
    if isinstance(error, TooManyRequestsError):
        return _whole(error.retry_after)
    if isinstance(error, RemoteError) and error.again_at is not None:
        return _whole(error.again_at - request.app[CLOCK].now())
    return next((rest for kind, rest in RESTS if isinstance(error, kind)), None)


def _whole(seconds: float) -> int:
    return max(0, int(seconds)) + 1


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error of the inner layers into a problem document."""
    try:
        return await handler(request)
    except VidgateError as error:
        return problem_of(request, error)
    except ValidationError as error:
        return problem(request, "bad_input", explain(error))
    except web.HTTPException as error:
        return _of_aiohttp(request, error)
    except (TimeoutError, ConnectionError) as error:
        return _broken(request, error)
    except Exception:
        # What went wrong is ours to know: the log has it, the caller not (ASVS 16.5.1).
        log.exception("request failed", method=request.method, route=_route(request))
        return problem(request, "error", SEE_LOG)


@web.middleware
async def cut(request: web.Request, handler: Handler) -> web.StreamResponse:
    """End the connection when a stream fails whose head is sent.

    A problem document would be read as a part of the stream, or as the answer to the next request.
    """
    try:
        return await handler(request)
    except Exception as error:
        if STARTED not in request or isinstance(error, ConnectionError):
            raise
        if not isinstance(error, TimeoutError):
            log.exception("stream failed", method=request.method, route=_route(request))
        raise ConnectionAbortedError("the answer cannot be completed") from error


async def mark_started(request: web.Request, response: web.StreamResponse) -> None:
    """The head of an answer is about to be sent."""
    request[STARTED] = True


def _of_aiohttp(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    if error.status < HTTPStatus.BAD_REQUEST:
        return error
    code = _OF_STATUS.get(error.status, "bad_input" if error.status < 500 else "error")
    _, chinese, english = PROBLEMS[code]
    response = problem(request, code, f"{chinese} / {english}", status=error.status)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _broken(request: web.Request, error: TimeoutError | ConnectionError) -> web.StreamResponse:
    if isinstance(error, ConnectionError):
        raise error  # the client left: nobody to tell
    return problem(request, "timeout", "没有按时完成 / not done in time")


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""
