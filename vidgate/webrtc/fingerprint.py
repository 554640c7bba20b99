"""A certificate's digest as SDP tells it."""

from dataclasses import dataclass

SUPPORTED = ("sha-256", "sha-384", "sha-512")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """RFC 8122: an algorithm's name (`sha-256`) and the digest (`AB:CD:...`)."""

    algorithm: str
    value: str

    @property
    def is_supported(self) -> bool:
        """Whether we can compute that digest."""
        return self.algorithm.lower() in SUPPORTED
