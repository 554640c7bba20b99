import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.auth.tickets import LIFETIME, PREFIX, Tickets
from vidgate.errors import NotAuthenticatedError
from vidgate.model.user import Principal, Role

WANG = Principal("王敏", Role.OPERATOR, "session")


def test_a_ticket_names_who_may_watch_what() -> None:
    tickets = Tickets()
    text = tickets.issue(WANG, "camera-1", 1000.0)
    assert tickets.read(text, 1059.0) == Principal("王敏", Role.OPERATOR, "ticket", "camera-1")


def test_a_ticket_expires_and_grace_forgives() -> None:
    tickets = Tickets()
    text = tickets.issue(WANG, "camera-1", 1000.0)
    with pytest.raises(NotAuthenticatedError):
        tickets.read(text, 1000.0 + LIFETIME + 1)
    assert tickets.read(text, 1000.0 + LIFETIME + 1, grace=10).stream == "camera-1"


def test_another_process_knows_nothing_of_it() -> None:
    text = Tickets().issue(WANG, "camera-1", 1000.0)
    with pytest.raises(NotAuthenticatedError):
        Tickets().read(text, 1000.0)


def test_a_changed_ticket_is_refused() -> None:
    tickets = Tickets()
    text = tickets.issue(WANG, "camera-1", 1000.0)
    _, _, signature = text.removeprefix(PREFIX).partition(".")
    body = json.dumps(["王敏", "administrator", "camera-2", 9e9]).encode()
    forged = f"{PREFIX}{base64.urlsafe_b64encode(body).decode().rstrip('=')}.{signature}"
    for wrong in (forged, text[:-1], text + "A", text.replace(".", ""), PREFIX, ""):
        with pytest.raises(NotAuthenticatedError):
            tickets.read(wrong, 1000.0)


@given(st.text(max_size=2000))
def test_nonsense_is_refused_and_nothing_else(text: str) -> None:
    for wrong in (text, PREFIX + text):
        with pytest.raises(NotAuthenticatedError):
            Tickets(b"k" * 32).read(wrong, 0.0)
