"""Nothing secret and nothing endless reaches the log; one event is one line."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from vidgate import log

CANARY = "s3cr3t@canary"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """The log as a string buffer."""
    stream = io.StringIO()
    log.configure("debug", "json", stream)
    yield stream
    log.configure("info", "json")


@pytest.mark.parametrize(
    "text",
    [
        f"rtsp://admin:{CANARY}@10.0.0.1:554/x",
        f"cannot open RTSP://u:{CANARY}@[::1]/x?y=1, giving up",
        f'Authorization: Digest username="u", response="{CANARY}"',
        f'digest username = "u", response = "{CANARY}"',
        f"Bearer {CANARY}",
        f"basic  {CANARY}",
    ],
)
def test_no_password_in_any_field(written: io.StringIO, text: str) -> None:
    structlog.get_logger().info(text, url=text, error=ValueError(text))
    logging.getLogger("library").error("failed: %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        structlog.get_logger().exception("failed")
    assert CANARY not in written.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication required",
        "401: Digest authentication, please",
        "Basic  auth.",
        "a basic test 5",
    ],
)
def test_words_about_a_login_stay(text: str) -> None:
    assert log.redact(text) == text


def test_secret_fields_are_starred(written: io.StringIO) -> None:
    structlog.get_logger().info("x", password=CANARY, api_token=CANARY, pwd=CANARY)
    assert CANARY not in written.getvalue()


def test_a_hostile_name_stays_on_one_line_and_short(written: io.StringIO) -> None:
    structlog.get_logger().info("x", name="a\r\nb\x1b[31m\u2028c" + "z" * 100_000)
    (line,) = written.getvalue().splitlines()
    assert len(json.loads(line)["name"]) < 3000


def test_errors_are_counted_by_part() -> None:
    errors = log.ErrorCount()
    log.configure("info", "json", io.StringIO(), errors=errors)
    try:
        logger = structlog.get_logger()
        logger.error("task failed", supervisor="fanout soldier/7")
        logger.warning("no error", supervisor="hub")
        logging.getLogger("library").error("failed")
    finally:
        log.configure("info", "json")
    assert errors.counts == {"fanout": 1, "other": 1}
