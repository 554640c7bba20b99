"""Every setting with its default and meaning; `configs/vidgate.yaml` shows the same (a test)."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vidgate.settings.folder import data_folder

__all__ = ["Settings", "data_folder"]

Port = Annotated[int, Field(ge=0, le=65535)]
Network = IPv4Network | IPv6Network


class Section(BaseModel):
    """A branch of the tree: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(Section):
    """HTTPS; a later version serves it (`http.tls.port`)."""

    cert: str = Field("", description="PEM certificate chain; empty: plain HTTP only")
    key: str = Field("", description="PEM private key")
    port: Port = Field(8443, description="HTTPS port")


class HttpSettings(Section):
    """Console, API, WHEP, metrics."""

    host: str = Field("0.0.0.0", description="address to listen on")
    port: Port = Field(8080, description="HTTP port; 0 picks a free one")
    hosts: list[str] = Field(default=[], description="names and addresses users type")
    tls: TlsSettings = TlsSettings()
    trusted_proxies: list[Network] = Field(
        default=[], description="reverse proxies whose X-Forwarded-* headers are believed (CIDR)"
    )


class WebrtcSettings(Section):
    """Pictures to browsers."""

    hosts: list[str] = Field(
        default=[],
        description="addresses browsers reach us by; empty: the one the offer arrived on",
    )
    port: Port = Field(8189, description="the one UDP port; 0 picks a free one")
    max_sessions: int = Field(2000, ge=1, description="viewers at once")
    handshake_timeout: float = Field(10.0, gt=0, description="seconds from answer to connected")
    silence_timeout: float = Field(30.0, gt=0, description="seconds without a sign of the browser")


class RtspSettings(Section):
    """RTSP re-serving and pushing."""

    port: Port = Field(8554, description="RTSP port")


class RtmpSettings(Section):
    """RTMP pushing."""

    port: Port = Field(1935, description="RTMP port")


class SipSettings(Section):
    """SIP."""

    port: Port = Field(5060, description="SIP port, UDP and TCP")


class RtpSettings(Section):
    """UDP ports for RTP of RTSP and SIP."""

    first: Port = Field(30000, description="first port, even")
    last: Port = Field(30999, description="last port")


class MediaSettings(Section):
    """Pulling from cameras."""

    allow: list[Network] = Field(
        default=[], description="camera networks (CIDR); empty: every network not denied"
    )
    deny: list[Network] = Field(
        default=[
            IPv4Network("0.0.0.0/8"),
            IPv4Network("169.254.0.0/16"),
            IPv4Network("224.0.0.0/4"),
            IPv6Network("fe80::/10"),
            IPv6Network("ff00::/8"),
        ],
        description="never connect there; on a site add 127.0.0.0/8, which the demo needs",
    )
    idle_stop: float = Field(10.0, ge=0, description="seconds a stream runs on without a viewer")
    connect_timeout: float = Field(5.0, gt=0, description="seconds for TCP connect")
    request_timeout: float = Field(5.0, gt=0, description="seconds for one RTSP answer")
    stall_timeout: float = Field(8.0, gt=0, description="seconds without a picture: reconnect")
    retry_cap: float = Field(2.5, gt=0, description="longest pause between tries of a watched one")
    gop_bytes: int = Field(8 << 20, ge=1 << 16, description="bytes of pictures kept per stream")
    font: str = Field("", description="CJK font file for captions; empty: found on the system")


class DatabaseSettings(Section):
    """Where the register lives."""

    url: str = Field("", description="SQLAlchemy async URL; empty: SQLite in the data folder")


class ProbeSettings(Section):
    """Looking after every channel."""

    enabled: bool = Field(True, description="probe in the background")
    describe_period: float = Field(60.0, gt=0, description="seconds between describes")
    media_period: float = Field(900.0, gt=0, description="seconds, directly connected channels")
    media_period_platform: float = Field(1800.0, gt=0, description="seconds, behind a platform")
    connects_per_second: float = Field(80.0, ge=0, description="pace in the background; 0: none")
    per_host: int = Field(4, ge=1, description="at once to one direct host")
    parallel: int = Field(320, ge=1, description="probes in flight at once")
    timeout: float = Field(5.0, gt=0, description="seconds for a describe")
    media_timeout: float = Field(12.0, gt=0, description="seconds to the first key frame")


class AuthSettings(Section):
    """Signing in."""

    session_idle: float = Field(43200.0, gt=0, description="seconds idle until signed out")
    session_max: float = Field(604800.0, gt=0, description="seconds until signed out anyway")
    attempts: int = Field(5, ge=1, description="wrong passwords before a pause")
    attempts_window: float = Field(300.0, gt=0, description="seconds of that pause")


class LogSettings(Section):
    """The log on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level")
    format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, JSON otherwise"
    )


class Settings(Section):
    """The whole tree."""

    http: HttpSettings = HttpSettings()
    webrtc: WebrtcSettings = WebrtcSettings()
    rtsp: RtspSettings = RtspSettings()
    rtmp: RtmpSettings = RtmpSettings()
    sip: SipSettings = SipSettings()
    rtp: RtpSettings = RtpSettings()
    media: MediaSettings = MediaSettings()
    database: DatabaseSettings = DatabaseSettings()
    probe: ProbeSettings = ProbeSettings()
    auth: AuthSettings = AuthSettings()
    log: LogSettings = LogSettings()
