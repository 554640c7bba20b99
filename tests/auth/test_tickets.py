import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.auth.tickets import LIFETIME, PREFIX, Ticket, Tickets
from vidgate.errors import NotAuthenticatedError

TICKET = Ticket("token:7", "camera-1")


def test_a_ticket_names_its_issuer_and_its_stream() -> None:
    tickets = Tickets()
    assert tickets.read(tickets.issue(TICKET, 1000.0), 1059.0) == TICKET


def test_the_longest_names_make_a_ticket_that_is_read() -> None:
    tickets, longest = Tickets(), Ticket(f"session:{'f' * 64}", "x" * 64)
    assert tickets.read(tickets.issue(longest, 1e10), 1e10) == longest


def test_a_ticket_expires_and_grace_forgives() -> None:
    tickets = Tickets()
    text = tickets.issue(TICKET, 1000.0)
    with pytest.raises(NotAuthenticatedError):
        tickets.read(text, 1000.0 + LIFETIME + 1)
    assert tickets.read(text, 1000.0 + LIFETIME + 1, grace=10).stream == "camera-1"


def test_another_process_knows_nothing_of_it() -> None:
    text = Tickets().issue(TICKET, 1000.0)
    with pytest.raises(NotAuthenticatedError):
        Tickets().read(text, 1000.0)


def test_a_changed_ticket_is_refused() -> None:
    tickets = Tickets()
    text = tickets.issue(TICKET, 1000.0)
    _, _, signature = text.removeprefix(PREFIX).partition(".")
    body = json.dumps(["socket", "camera-2", 9e9]).encode()
    forged = f"{PREFIX}{base64.urlsafe_b64encode(body).decode().rstrip('=')}.{signature}"
    for wrong in (forged, text[:-1], text + "A", text.replace(".", ""), PREFIX, ""):
        with pytest.raises(NotAuthenticatedError):
            tickets.read(wrong, 1000.0)


@given(st.text(max_size=2000))
def test_nonsense_is_refused_and_nothing_else(text: str) -> None:
    for wrong in (text, PREFIX + text):
        with pytest.raises(NotAuthenticatedError):
            Tickets(b"k" * 32).read(wrong, 0.0)
