"""What main streams were lately made of, so that an offer need not wait to be refused."""

from vidgate.aio.clock import Clock
from vidgate.errors import NotAcceptableError
from vidgate.model.media import Track
from vidgate.webrtc.offers import Offer, choose

KNOWN_CODECS = 10_000
KNOWN_FOR = 600.0  # seconds that a main stream's codec is believed unasked


class KnownCodecs:
    """The tracks of main streams, by channel."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, tuple[float, tuple[Track, ...]]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, name: str, tracks: tuple[Track, ...]) -> None:
        """The main stream of the channel has these."""
        self._known.pop(name, None)
        if len(self._known) >= KNOWN_CODECS:
            self._known.pop(next(iter(self._known)))
        self._known[name] = (self._clock.now(), tracks)

    def is_known_to_fail(self, name: str, offer: Offer) -> bool:
        """Whether the main stream was lately one that this browser cannot take."""
        known = self._known.get(name)
        if known is None or self._clock.now() - known[0] > KNOWN_FOR:
            return False
        try:
            _ = choose(offer, known[1])
        except NotAcceptableError:
            return True
        return False

    def clear(self) -> None:
        """Channels have changed."""
        self._known.clear()
