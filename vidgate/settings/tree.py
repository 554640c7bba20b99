"""Every setting with its default and meaning; `configs/vidgate.yaml` shows the same (a test)."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from vidgate.settings.folder import data_folder
from vidgate.settings.zone import is_zone, machine_zone

__all__ = ["Settings", "data_folder"]

Port = Annotated[int, Field(ge=0, le=65535)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
# Whether it is a good DNS name is looked at where a certificate is made for it.
_NAME = re.compile(r"[^\s:/?#@\[\]]+")


def _host_address(text: str) -> str:
    """An address that a packet can be sent to; a name would be of no use in a candidate."""
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} 不是 IP 地址 / is no IP address") from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"{text!r} 不能作为目的地址 / nobody can be reached by it")
    return str(address)


def _own_address(text: str) -> str:
    """A name could mean several addresses, and another one tomorrow."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(
            f"{text!r} 不是 IP 地址, 名称请换成地址 / is no IP address, write one instead of a name: "
            "0.0.0.0, ::, 127.0.0.1, ::1 ..."
        ) from None


def _network(given: object) -> IPv4Network | IPv6Network:
    """A network by its first address: another one leaves open whether a host was meant."""
    text = str(given)  # a number would be taken for an address
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} 不是网段 / is no network, such as 10.0.0.0/8") from None
    try:
        return ip_network(text)
    except ValueError:
        host = text.partition("/")[0]
        raise ValueError(
            f"{text!r} 的主机位不为零, 应写 {meant}; 若只是这台主机, 写 {host} / "
            f"has host bits set: write {meant}; for that host alone {host}"
        ) from None


def _visited(host: str) -> str:
    """A name or an address as users type it, without what stands around it in a URL."""
    if _NAME.fullmatch(host):
        return host
    try:
        return str(ip_address(host))
    except ValueError:
        raise ValueError(
            f"{host!r} 不是名称或 IP 地址, 不写 http:// 和端口 / is neither a name nor an IP address: "
            "write it without http:// and port"
        ) from None


HostAddress = Annotated[str, AfterValidator(_host_address)]
OwnAddress = Annotated[str, AfterValidator(_own_address)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
VisitedHost = Annotated[str, AfterValidator(_visited)]


class Section(BaseModel):
    """A branch of the tree: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(Section):
    """HTTPS"""

    cert: str = Field(
        "", description="PEM 证书链; 空: 只用 HTTP / PEM certificate chain; empty: plain HTTP only"
    )
    key: str = Field("", description="PEM 私钥 / PEM private key")
    port: Port = Field(8443, description="HTTPS 端口; 0: 自动 / HTTPS port; 0 picks a free one")
    ca: str = Field(
        "",
        description="签发机构证书 (PEM), 供用户在 /ca 下载安装 / the authority's certificate, offered to users at /ca",
    )
    redirect: bool = Field(
        False, description="页面由 HTTP 转到 HTTPS / send pages from HTTP to HTTPS"
    )
    hsts: Annotated[int, Field(ge=0, le=63_072_000)] = Field(
        0,
        description="浏览器记住只用 HTTPS 的秒数; 它不分端口, 0: 不用 / seconds a browser is to insist on HTTPS, on all ports of the name; 0: off",
    )

    @model_validator(mode="after")
    def _has_its_certificate(self) -> Self:
        idle = [name for name in ("key", "redirect") if getattr(self, name)]
        if idle and not self.cert:
            raise ValueError(
                f"有 {', '.join(idle)} 而没有 cert, 不会有 HTTPS: 写上 cert, 否则去掉 / "
                f"{', '.join(idle)} without cert serve no HTTPS: name it, else take them out"
            )
        return self


class HttpSettings(Section):
    """控制台, 接口, 预览信令, 指标 / console, API, WHEP, metrics"""

    host: OwnAddress = Field(
        "0.0.0.0",
        description="监听的 IP 地址; IPv4 和 IPv6 都要: '::' / IP address to listen on; '::' for IPv4 and IPv6",
    )
    port: Port = Field(
        8080, description="HTTP 端口; 0: 自动选空闲端口 / HTTP port; 0 picks a free one"
    )
    hosts: list[VisitedHost] = Field(
        default=[], description="用户访问时输入的名称和地址 / names and addresses users type"
    )
    tls: TlsSettings = TlsSettings()
    trusted_proxies: list[Network] = Field(
        default=[],
        description="可信反向代理 (CIDR) / reverse proxies whose X-Forwarded-* headers are believed (CIDR)",
    )


class WebrtcSettings(Section):
    """送往浏览器的画面 / pictures to browsers"""

    hosts: list[HostAddress] = Field(
        default=[],
        description="浏览器访问本机媒体的地址; 空: 请求到达的地址 / addresses browsers reach us by; empty: the one the offer arrived on",
    )
    port: Port = Field(
        8189, description="唯一的 UDP 媒体端口; 0: 自动 / the one UDP port; 0 picks a free one"
    )
    max_sessions: int = Field(2000, ge=1, description="同时观看数上限 / viewers at once")
    max_user_sessions: int = Field(
        500, ge=1, description="每个用户同时观看数上限 / viewers at once of one user"
    )
    offers: int = Field(
        400,
        ge=1,
        description="每个用户, 每个地址 10 秒内的观看请求数上限 / requests to watch of one user, and of one address, in 10 s",
    )
    handshake_timeout: float = Field(
        10.0, gt=0, description="应答到连通的期限 (秒) / seconds from answer to connected"
    )
    silence_timeout: float = Field(
        30.0, gt=0, description="浏览器无声息多少秒后回收 / seconds without a sign of the browser"
    )


class RtspSettings(Section):
    """RTSP 转发与推流 / RTSP re-serving and pushing"""

    port: Port = Field(8554, description="RTSP 端口 / RTSP port")


class RtmpSettings(Section):
    """RTMP 推流 / RTMP pushing"""

    port: Port = Field(1935, description="RTMP 端口 / RTMP port")


class SipSettings(Section):
    """SIP"""

    port: Port = Field(5060, description="SIP 端口, UDP 和 TCP / SIP port, UDP and TCP")


class RtpSettings(Section):
    """RTP 的 UDP 端口 / UDP ports for RTP"""

    first: Port = Field(30000, description="起始端口 (偶数) / first port, even")
    last: Port = Field(30999, description="结束端口 / last port")


class MediaSettings(Section):
    """从摄像机取流 / pulling from cameras"""

    allow: list[Network] = Field(
        default=[],
        description="允许的摄像机网段 (CIDR); 空: 未禁止的都允许 / camera networks (CIDR); empty: every network not denied",
    )
    deny: list[Network] = Field(
        default=[
            IPv4Network("0.0.0.0/8"),
            IPv4Network("169.254.0.0/16"),
            IPv4Network("224.0.0.0/4"),
            IPv6Network("fe80::/10"),
            IPv6Network("ff00::/8"),
        ],
        description="禁止连接的网段; 正式现场请加上 127.0.0.0/8 (演示需要它) / never connect there; on a site add 127.0.0.0/8, which the demo needs",
    )
    tls_ca: str = Field(
        "",
        description="rtsps:// 摄像机证书的签发机构 (PEM 文件), 据此核对证书和主机; 空: 加密但不核对对方身份 / PEM file of the authorities of rtsps:// cameras: certificate and host are checked; empty: encrypted, but whoever answers is believed",
    )
    idle_stop: float = Field(
        10.0,
        ge=0,
        description="无人观看后继续拉流的秒数 / seconds a stream runs on without a viewer",
    )
    connect_timeout: float = Field(
        5.0, gt=0, description="TCP 连接期限 (秒) / seconds for TCP connect"
    )
    request_timeout: float = Field(
        5.0, gt=0, description="单次 RTSP 应答期限 (秒) / seconds for one RTSP answer"
    )
    stall_timeout: float = Field(
        8.0, gt=0, description="多少秒无画面即重连 / seconds without a picture: reconnect"
    )
    retry_cap: float = Field(
        2.5,
        gt=0,
        description="被观看通道重试的最长间隔 (秒) / longest pause between tries of a watched one",
    )
    return_check: float = Field(
        20.0,
        gt=0,
        description="同点位通道代为显示期间, 隔多少秒看本通道是否恢复 / while another channel of the point stands in: seconds between two looks whether the own picture is back",
    )
    snapshots: bool = Field(
        True,
        description="保存每个通道最近一幅画面, 打开时先显示 (数据目录 snapshots/) / keep each channel's last picture, shown first when it is opened (snapshots/ in the data folder)",
    )
    gop_bytes: int = Field(
        8 << 20,
        ge=1 << 16,
        description="每路缓存画面组的字节上限 / bytes of pictures kept per stream",
    )
    font: str = Field(
        "",
        description="字幕用中文字体文件; 空: 自动查找 / CJK font file for captions; empty: found on the system",
    )


class DatabaseSettings(Section):
    """台账数据库 / where the register lives"""

    url: str = Field(
        "",
        description="数据库地址 (SQLAlchemy async); 空: 数据目录里的 SQLite / SQLAlchemy async URL; empty: SQLite in the data folder",
    )


class RegistrySettings(Section):
    """登记表 / the register"""

    box: tuple[Longitude, Latitude, Longitude, Latitude] = Field(
        (73.0, 3.0, 136.0, 54.0),
        description="坐标应在的范围: 西, 南, 东, 北 (WGS-84 度) / where channels may be: west, south, east, north",
    )

    @field_validator("box")
    @classmethod
    def _has_an_inside(cls, box: tuple[float, ...]) -> tuple[float, ...]:
        west, south, east, north = box
        if west >= east or south >= north:
            raise ValueError("顺序应为 西, 南, 东, 北 / must be west, south, east, north")
        return box

    url_forms: str = Field(
        "",
        description="本现场的取流地址规则文件, 见 configs/url-forms.yaml; 空: 只用内置的 / the site's own URL forms, see configs/url-forms.yaml; empty: ours only",
    )


class ProbeSettings(Section):
    """巡检 / looking after every channel"""

    enabled: bool = Field(True, description="后台巡检 / probe in the background")
    describe_period: float = Field(
        60.0, gt=0, description="DESCRIBE 巡检周期 (秒) / seconds between describes"
    )
    media_period: float = Field(
        900.0,
        gt=0,
        description="取流巡检周期, 直连通道 (秒) / seconds, directly connected channels",
    )
    media_period_platform: float = Field(
        1800.0, gt=0, description="取流巡检周期, 经平台的通道 (秒) / seconds, behind a platform"
    )
    picture_period: float = Field(
        0.0,
        ge=0,
        description="画质巡检周期 (秒), 由取流巡检顺带完成; 0: 不评. 本版本不评画质, 必须为 0 / seconds between judgements of the picture, made by looks for one; 0: none. Nothing judges pictures in this version: must be 0",
    )
    connects_per_second: float = Field(
        80.0, ge=0, description="后台每秒新建连接上限; 0: 不限 / pace in the background; 0: none"
    )
    per_host: int = Field(4, ge=1, description="同一直连主机的并发 / at once to one direct host")
    parallel: int = Field(320, ge=1, description="同时进行的巡检数 / probes in flight at once")
    timeout: float = Field(5.0, gt=0, description="DESCRIBE 期限 (秒) / seconds for a describe")
    media_timeout: float = Field(
        12.0, gt=0, description="等到首个关键帧的期限 (秒) / seconds to the first key frame"
    )


class HistorySettings(Section):
    """历史与报表 / the past, and reports of it"""

    result_days: int = Field(
        30, ge=1, le=400, description="探测结果保留天数 / days that results of looks are kept"
    )
    transition_days: int = Field(
        400, ge=35, le=4000, description="状态变化保留天数 / days that changes of state are kept"
    )
    rollup_days: int = Field(
        1100, ge=35, le=4000, description="每日汇总保留天数 / days that daily roll-ups are kept"
    )
    timezone: str = Field(
        "",
        description=(
            "按哪个时区分日, 如 Asia/Shanghai; 空: 环境变量 TZ, 没有时本机的 / "
            "whose midnights divide days; empty: TZ, else the machine's"
        ),
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name and not is_zone(name):
            raise ValueError(f"没有时区 {name} / no such time zone")
        return name

    @property
    def zone(self) -> str:
        """`timezone`, else the machine's; empty where that has no name."""
        return self.timezone or machine_zone()

    kpis: str = Field(
        "",
        description="本现场的指标定义文件, 见 configs/kpis.yaml; 空: 只用内置的 / the site's own KPI definitions, see configs/kpis.yaml; empty: ours only",
    )


class AuthSettings(Section):
    """登录 / signing in"""

    session_idle: float = Field(
        43200.0, gt=0, description="闲置多少秒自动退出 / seconds idle until signed out"
    )
    session_max: float = Field(
        604800.0, gt=0, description="登录最长有效秒数 / seconds until signed out anyway"
    )
    attempts: int = Field(
        5, ge=1, description="连续输错密码多少次后暂停 / wrong passwords before a pause"
    )
    attempts_window: float = Field(300.0, gt=0, description="暂停秒数 / seconds of that pause")


class LogSettings(Section):
    """日志 (stderr) / the log"""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="最低级别 / least level"
    )
    format: Literal["auto", "text", "json"] = Field(
        "auto",
        description="auto: 终端用文本, 其余用 JSON / auto: text on a terminal, JSON otherwise",
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
    registry: RegistrySettings = RegistrySettings()
    probe: ProbeSettings = ProbeSettings()
    history: HistorySettings = HistorySettings()
    auth: AuthSettings = AuthSettings()
    log: LogSettings = LogSettings()

    @property
    def is_media_behind_proxy(self) -> bool:
        """Whether browsers are told the address at which a reverse proxy reaches us.

        It passes on HTTP and no UDP, so they would see nothing.
        """
        return bool(self.http.trusted_proxies) and not self.webrtc.hosts
