"""Which cameras there are: made of a register's rows, found by what a client asks for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vidgate.errors import InputError
from vidgate.model.channel import Login
from vidgate.model.media import Variant
from vidgate.simulator.answers import MOVED
from vidgate.simulator.camera import Camera
from vidgate.simulator.manner import Auth, Manner, Sound
from vidgate.simulator.usage import Usage
from vidgate.wire.uri import Uri, place_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """How the cameras behave.

    `profile` coded or load (then with `bitrate` bits per second); `camera_sessions` a camera of its
    own allows, `host_sessions` a platform's host (0: no limit); `delay` seconds that answers take,
    from the nearest to the farthest camera; `intervals` seconds between key frames, from the
    shortest to the longest; `auth` and `sound`: which kinds there are, in which proportions;
    `session_timeout` seconds of silence; `scenes` how many different pictures there are to look at;
    `ticket_seconds` how long an address of the platform is good that hands them out, to
    `platform_login` (None: one with a password of chance).
    """

    profile: str = "coded"
    bitrate: int = 1_000_000
    camera_sessions: int = 6
    host_sessions: int = 0
    delay: tuple[float, float] = (0.0, 0.0)
    intervals: tuple[float, float] = (2.0, 2.0)
    auth: tuple[tuple[Auth, float], ...] = ((Auth.MD5, 1.0),)
    sound: tuple[tuple[Sound, float], ...] = ((Sound.PCMA, 1.0),)
    session_timeout: float = 60.0
    scenes: int = 1
    realm: str = "IP Camera"
    ticket_seconds: float = 60.0
    platform_login: Login | None = None


class Census:
    """The cameras by channel id, their hosts, and the rows with the port that is really theirs."""

    def __init__(self, settings: FleetSettings) -> None:
        self.cameras: dict[str, Camera] = {}
        self.hosts: dict[str, Usage] = {}
        self.rows: list[dict[str, str]] = []
        self._settings = settings
        self._paths: dict[tuple[str, str], tuple[Camera, Variant]] = {}

    def take(self, rows: Iterable[Mapping[str, str]], port: int) -> None:
        """Make a camera of every row that has an address; they may name another port than ours."""
        for number, row in enumerate(rows, start=1):
            url, sub = (_with_port(row.get(name, ""), port) for name in ("url", "sub_url"))
            self.rows.append({**row, "url": url, "sub_url": sub})
            if url:
                self._add(number, row, url, sub)

    def find(self, host: str, uri: str) -> tuple[Camera, Variant] | None:
        """The camera and stream that a request to one of our addresses means."""
        start = uri.find("/", uri.find("://") + 3) if "://" in uri else 0
        if start < 0:
            return None
        path = uri[start:].removeprefix(MOVED)
        return self._paths.get((host, path)) or self._paths.get((host, path.rstrip("/")))

    def _add(self, number: int, row: Mapping[str, str], url: str, sub_url: str) -> None:
        uri, settings = Uri.parse(url), self._settings
        id_ = row.get("id") or row.get("gb_code") or ""
        if not id_ or id_ in self.cameras:
            raise InputError(f"row {number}: the id {id_!r} is empty or there twice")
        is_direct = not row.get("platform")
        place = Usage(0 if is_direct else settings.host_sessions)
        camera = Camera(
            id=id_,
            number=number,
            host=uri.host,
            platform=row.get("platform", ""),
            login=None if uri.username is None else Login(uri.username, uri.password or ""),
            codec="h265" if "/h265/" in uri.path else "h264",
            usage=Usage(settings.camera_sessions if is_direct else 0),
            place=self.hosts.setdefault(uri.host, place),
            own=_manner(number, settings),
        )
        self.cameras[id_] = camera
        self._paths[uri.host, uri.path] = camera, Variant.MAIN
        if sub_url:
            sub = Uri.parse(sub_url)
            self._paths[sub.host, sub.path] = camera, Variant.SUB


def _with_port(url: str, port: int) -> str:
    """The same address on another port."""
    if not url:
        return ""
    uri = Uri.parse(url)
    head = url.strip().replace(" ", "%20").removesuffix(uri.path)
    userinfo, at, _ = head.rpartition("@")
    return f"{userinfo}{at or f'{uri.scheme}://'}{place_of(uri.host, port)}{uri.path}"


def _manner(number: int, settings: FleetSettings) -> Manner:
    """What a camera is like by itself: spread over what the settings allow, by its number."""
    nearest, farthest = settings.delay
    shortest, longest = settings.intervals
    steps = int(longest - shortest) // 2 + 1
    return Manner(
        auth=_share(settings.auth, number * 61 % 100),
        sound=_share(settings.sound, number * 43 % 100),
        delay=nearest + (farthest - nearest) * (number * 29 % 101) / 100,
        interval=shortest + 2 * (number * 31 % 101 % steps),
    )


def _share(kinds: Sequence[tuple[T, float]], draw: int) -> T:
    """The kind that a number from 0 to 99 falls to."""
    total, at = sum(share for _, share in kinds), 0.0
    for kind, share in kinds:
        at += 100 * share / total
        if draw < at:
            return kind
    return kinds[-1][0]
