"""HTTP authentication as RTSP and SIP use it: Digest (RFC 7616, RFC 2617) and Basic (RFC 7617).

Pure: values of WWW-Authenticate in, values of Authorization out.
"""

import hashlib
import hmac
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from vidgate.model.channel import Login
from vidgate.wire.headers import breaks_lines

MAX_LENGTH = 4096  # characters of all challenges together that are looked at
MAX_CHALLENGES = 16
MAX_REFUSED = 2  # kinds of answer; a third wrong one at once may lock the account
MAX_STALE = 1  # fresh nonces answered in a row: one that is stale for ever is a refusal

# Possessive quantifiers, and a word that is neither name nor scheme is a token too, which means
# nothing: a hostile value costs linear time.
_TOKEN = re.compile(
    r'([\w-]++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]*+))|([A-Za-z][\w-]*+)|[\w-]++', re.ASCII
)
_ESCAPE = re.compile(r"\\(.)")

Hash = Callable[[bytes], str]


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sha512_256(data: bytes) -> str:
    return hashlib.new("sha512_256", data).hexdigest()


# Strongest first; the name without "-sess" -> its hash.
ALGORITHMS: dict[str, Hash] = {"SHA-512-256": _sha512_256, "SHA-256": _sha256, "MD5": _md5}
_STRENGTH = {name: index for index, name in enumerate(ALGORITHMS)}


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge; `scheme` in lower case, parameter names too."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """A parameter, or an empty string."""
        return self.parameters.get(name, "")

    @property
    def algorithm(self) -> str:
        """The algorithm without `-sess`, in capitals; MD5 where none is named."""
        return self.get("algorithm").upper().removesuffix("-SESS") or "MD5"

    @property
    def is_session(self) -> bool:
        """Whether the `-sess` variant is asked for."""
        return self.get("algorithm").upper().endswith("-SESS")

    @property
    def qop(self) -> str:
        """`auth` when the server offers it, else empty (RFC 2069 form)."""
        offered = re.split(r"[\s,]+", self.get("qop").lower())
        return "auth" if "auth" in offered else ""

    @property
    def is_stale(self) -> bool:
        """Whether only the nonce was too old."""
        return self.get("stale").lower() == "true"

    @property
    def way(self) -> tuple[str, str]:
        """Scheme and algorithm: what makes it another try than another challenge."""
        return self.scheme, self.algorithm

    @property
    def rank(self) -> int | None:
        """Order of preference, lower is better; None for what we cannot answer."""
        if self.scheme == "basic":
            return len(_STRENGTH)
        if self.scheme != "digest" or not self.get("nonce"):
            return None
        if self.get("qop") and not self.qop:
            return None  # auth-int alone: no camera was ever seen to ask for it
        return _STRENGTH.get(self.algorithm)


def is_stale(offers: Sequence[Challenge]) -> bool:
    """Whether an answer was refused for its nonce alone (RFC 7616 3.3)."""
    return any(offer.is_stale for offer in offers)


def parse_challenges(values: Iterable[str]) -> list[Challenge]:
    """Every challenge of every value; several may stand in one, quoted commas are no separators.

    What could not be said back in a header is no challenge, nor is what does not fit into
    `MAX_LENGTH` with those before it: half a nonce would be a try for nothing.
    """
    challenges: list[Challenge] = []
    left = MAX_LENGTH
    for value in values:
        if len(value) > left or breaks_lines(value):
            continue
        left -= len(value)
        for token in _TOKEN.finditer(value):
            name, quoted, bare, scheme = token.groups()
            if scheme is not None:
                if len(challenges) == MAX_CHALLENGES:
                    return challenges
                challenges.append(Challenge(scheme.lower()))
            elif name is not None and challenges:
                text_value = _ESCAPE.sub(r"\1", quoted) if quoted is not None else bare
                challenges[-1].parameters.setdefault(name.lower(), text_value)
    return challenges


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class _Answer:
    """What goes into one response hash (RFC 7616 3.4.1)."""

    login: Login
    realm: str
    nonce: str
    algorithm: str
    is_session: bool
    qop: str
    nc: str
    cnonce: str

    def response(self, method: str, uri: str) -> str:
        digest = ALGORITHMS[self.algorithm]
        secret = f"{self.login.username}:{self.realm}:{self.login.password}"
        a1 = digest(secret.encode())
        if self.is_session:
            a1 = digest(f"{a1}:{self.nonce}:{self.cnonce}".encode())
        a2 = digest(f"{method}:{uri}".encode())
        middle = f"{self.nc}:{self.cnonce}:{self.qop}:" if self.qop else ""
        return digest(f"{a1}:{self.nonce}:{middle}{a2}".encode())


class DigestClient:
    """Answers the challenges of one peer for one login.

    Prefers what was `taken` before, then the strongest algorithm, and falls back to the weakest
    when that is refused: some devices offer SHA-256 and take only MD5. Basic is used only where no
    Digest is offered: a refused digest must never make us send the password in clear.
    """

    def __init__(self, login: Login, taken: tuple[str, str] | None = None) -> None:
        self.taken = taken  # scheme and algorithm of the last answer that was accepted
        self._login = login
        self._offers: Sequence[Challenge] = ()
        self._challenge: Challenge | None = None
        self._count = 0
        self._cnonce = ""
        self._refused: set[tuple[str, str]] = set()
        self._is_proven = False
        self._used = False
        self._stale = 0

    def challenge(self, offers: Sequence[Challenge]) -> bool:
        """Take the challenges of a 401; returns whether another try makes sense."""
        if self._challenge is not None and self._used:
            self._judge_last_try(self._challenge, offers)
        self._offers = offers
        self._challenge = self._choose(offers)
        self._count = 0
        self._cnonce = secrets.token_hex(8)
        self._used = False
        return self._challenge is not None

    def prefer(self, taken: tuple[str, str] | None) -> None:
        """Others have learnt by now what the peer takes; to be told before the answer is made."""
        if not self._used:
            self.taken = taken
            self._challenge = self._choose(self._offers)

    def accepted(self) -> None:
        """The peer took our answer: a later 401 means an old nonce, not a wrong password."""
        if self._challenge is not None and self._used:
            self.taken = self._challenge.way
        self._is_proven = self._used
        self._stale = 0
        self._refused.clear()

    def authorization(self, method: str, uri: str) -> str | None:
        """The Authorization value for a request, or None before any challenge."""
        challenge = self._challenge
        if challenge is None:
            return None
        self._used = True
        if challenge.scheme == "basic":
            secret = f"{self._login.username}:{self._login.password}"
            return "Basic " + b64encode(secret.encode()).decode()
        self._count += 1
        return self._digest(challenge, method, uri)

    def _choose(self, offers: Sequence[Challenge]) -> Challenge | None:
        """The offer to answer. After a refusal not the next weaker one: each try is counted."""
        if len(self._refused) >= MAX_REFUSED:
            return None
        ranked = [
            (offer.rank, index, offer)
            for index, offer in enumerate(offers)
            if offer.rank is not None and offer.way not in self._refused
        ]
        if any(offer.scheme == "digest" for offer in offers):
            ranked = [entry for entry in ranked if entry[2].scheme == "digest"]
        ranked = [entry for entry in ranked if entry[2].way == self.taken] or ranked
        if not ranked:
            return None
        return max(ranked)[2] if self._refused else min(ranked)[2]

    def _judge_last_try(self, last: Challenge, offers: Sequence[Challenge]) -> None:
        nonces = {offer.get("nonce") for offer in offers}
        is_fresh = last.get("nonce") not in nonces
        # Axis and others renew the nonce without stale=true: once our answer was accepted, a 401
        # with a fresh nonce is no verdict on the password.
        forgiven = is_stale(offers) or (self._is_proven and is_fresh)
        self._is_proven = False
        self._stale += 1
        if not forgiven or self._stale > MAX_STALE:
            self._refused.add(last.way)

    def _digest(self, challenge: Challenge, method: str, uri: str) -> str:
        answer = _Answer(
            self._login,
            challenge.get("realm"),
            challenge.get("nonce"),
            challenge.algorithm,
            challenge.is_session,
            challenge.qop,
            f"{self._count:08x}",
            self._cnonce,
        )
        fields = [
            f"username={_quote(self._login.username)}",
            f"realm={_quote(answer.realm)}",
            f"nonce={_quote(answer.nonce)}",
            f"uri={_quote(uri)}",
            f'response="{answer.response(method, uri)}"',
        ]
        if algorithm := challenge.get("algorithm"):
            fields.append(f"algorithm={algorithm}")
        if "opaque" in challenge.parameters:
            fields.append(f"opaque={_quote(challenge.get('opaque'))}")
        if answer.qop:
            fields += [f"qop={answer.qop}", f"nc={answer.nc}"]
        if answer.qop or answer.is_session:
            fields.append(f'cnonce="{answer.cnonce}"')
        return "Digest " + ", ".join(fields)


class DigestServer:
    """The other side, for one realm and one account; used by the simulator and by tests.

    `algorithm` is MD5, SHA-256, SHA-512-256, each also with `-sess`.
    """

    MAX_NONCES = 64

    def __init__(self, realm: str, algorithm: str, username: str, password: str) -> None:
        self._realm = realm
        self._algorithm = algorithm
        self._login = Login(username, password)
        self._counts: dict[str, int] = {}

    def challenge(self) -> str:
        """A WWW-Authenticate value with a fresh nonce."""
        nonce = secrets.token_hex(16)
        if len(self._counts) >= self.MAX_NONCES:
            self._counts.pop(next(iter(self._counts)))
        self._counts[nonce] = 0
        return (
            f'Digest realm={_quote(self._realm)}, nonce="{nonce}", '
            f'algorithm={self._algorithm}, qop="auth"'
        )

    def check(self, method: str, uri: str, authorization_header: str) -> bool:
        """Whether the header answers one of our nonces for that request, with a new count."""
        for given in parse_challenges([authorization_header])[:1]:
            count = self._count(given)
            if given.scheme != "digest" or given.get("uri") != uri or count is None:
                return False
            expected = self._expected(given, method)
            if hmac.compare_digest(expected.encode(), given.get("response").lower().encode()):
                self._counts[given.get("nonce")] = count
                return True
        return False

    def _count(self, given: Challenge) -> int | None:
        last = self._counts.get(given.get("nonce"))
        if last is None:
            return None
        if not given.get("qop"):
            return last
        text = given.get("nc")
        if not re.fullmatch(r"[0-9A-Fa-f]{8}", text) or int(text, 16) <= last:
            return None
        return int(text, 16)

    def _expected(self, given: Challenge, method: str) -> str:
        ours = Challenge("digest", {"algorithm": self._algorithm})
        answer = _Answer(
            self._login,
            self._realm,
            given.get("nonce"),
            ours.algorithm,
            ours.is_session,
            given.get("qop"),
            given.get("nc"),
            given.get("cnonce"),
        )
        if given.get("username") != self._login.username:
            return ""
        return answer.response(method, given.get("uri"))
