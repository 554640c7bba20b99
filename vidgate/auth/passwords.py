"""Passwords: argon2id, and the random one of the first start.

`hash_password` and `verify_password` take some 30 ms of CPU and 19 MiB: callers on an event loop
run them in a thread (argon2 releases the interpreter lock) and bound how many run at once.
"""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

# The OWASP password storage cheat sheet's first choice for argon2id: 19 MiB, 2 passes, 1 lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

MAX_LENGTH = 256  # longer is an attempt to make us hash for ever

# Without 0, 1, I, O and l: a printed password is typed by a person.
ALPHABET = "23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"

# Verified against when the user is unknown, so that the answer takes the same time.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    """The argon2id hash in PHC string format, salt and parameters included."""
    return _hasher.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether `password` was hashed so; `stored` None (no such user) takes as long and fails."""
    if len(password) > MAX_LENGTH:
        return False
    try:
        _hasher.verify(stored or _NOBODY, password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False
    return stored is not None


def random_password() -> str:
    """Twenty characters in groups of five (116 bits), for the first account."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)
