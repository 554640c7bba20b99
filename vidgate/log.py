"""The log: structlog on stderr, one line an event, nothing secret, nothing endless.

Text on a terminal, JSON otherwise. Plain tracebacks: the pretty ones read source files while the
loop waits, and print local variables, where passwords live.
"""

import logging
import re
import sys
import traceback
from collections import Counter
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

MAX_FIELD = 2048
SECRET_KEYS = re.compile(r"passw|pwd|secret|token|authorization|cookie", re.IGNORECASE)
# user:password@ in any address, also where the password itself holds an @
_URL_PASSWORD = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/]*@", re.IGNORECASE)
# A word of a sentence, as in "Basic authentication required", is no Authorization value.
_WORD = r" ++[A-Za-z][a-z]{1,13}[,.;:!?)]*+(?:\s++[^=]|\s*+$)"
_DIGEST = re.compile(rf"\b(?P<head>(?i:Bearer)|(?i:Digest|Basic)(?!{_WORD})) +[^\r\n]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\x85\u2028\u2029]")

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def redact(text: str) -> str:
    """The text without passwords in addresses or Authorization values."""
    text = _URL_PASSWORD.sub(r"\g<head>:***@", text)
    return _DIGEST.sub(r"\g<head> ***", text)


def _clean(text: str, limit: int = MAX_FIELD) -> str:
    text = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", redact(text))
    return text if len(text) <= limit else text[:limit] + "…"


def _scrub(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if SECRET_KEYS.search(key) and value:
            event[key] = "***"
        elif isinstance(value, str):
            one_line = value if key == "exception" else value.replace("\n", "\\n")
            event[key] = _clean(one_line, 16 * MAX_FIELD if key == "exception" else MAX_FIELD)
        elif isinstance(value, BaseException):
            event[key] = _clean(f"{type(value).__name__}: {value}").replace("\n", "\\n")
    return event


def _format_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    given = event.pop("exc_info", None)
    if not given:
        return event
    error = given if isinstance(given, BaseException) else sys.exc_info()[1]
    if error is not None:
        # No source lines: looking them up opens files while the loop waits.
        frames = traceback.StackSummary.extract(
            traceback.walk_tb(error.__traceback__), lookup_lines=False
        )
        places = " < ".join(
            f"{frame.filename.rsplit('/vidgate/', 1)[-1]}:{frame.lineno}:{frame.name}"
            for frame in reversed(frames)
        )
        event["exception"] = f"{type(error).__name__}: {error} @ {places}"
    return event


class ErrorCount:
    """How many errors were logged by each part: the first word of its supervisor's name."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, _: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """As a structlog processor."""
        if method in ("error", "exception", "critical"):
            self.counts[str(event.get("supervisor", "other")).partition(" ")[0]] += 1
        return event


class _Bridge(logging.Handler):
    """Sends what libraries log through structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1]:
            fields["exc_info"] = record.exc_info[1]
        structlog.get_logger(record.name).log(record.levelno, record.getMessage(), **fields)


def configure(
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["auto", "text", "json"] = "auto",
    stream: TextIO | None = None,
    errors: ErrorCount | None = None,
) -> None:
    """Set up logging of the process onto `stream` (default stderr); `errors` counts them."""
    out = stream or sys.stderr
    text = form == "text" or (form == "auto" and out.isatty())
    render: Any = (
        structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=30)
        if text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            errors or ErrorCount(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            _format_exception,
            _scrub,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(max(_LEVELS[level], logging.WARNING))
