"""Opaque secrets (session ids, API tokens): random on the wire, only their hash at rest.

A plain SHA-256 suffices: 256 random bits cannot be guessed, unlike a password.
"""

import hashlib
import secrets

TOKEN_PREFIX = "vg_"  # lets secret scanners and people recognise one


def new_session() -> str:
    """A new session id for the cookie."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """A new API token, shown once."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """What is stored and looked up instead of the secret: 64 hex digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
