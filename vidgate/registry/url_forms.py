"""The table of URL forms: from make, address, port and channel number to a stream address.

It is data: `url_forms.yaml` beside this module, and a file of the site (setting
`registry.url_forms`) whose entries go first and may replace ours by their `vendor`.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vidgate.errors import SettingsError
from vidgate.mistakes import explain
from vidgate.model.channel import Channel
from vidgate.model.media import Variant
from vidgate.registry import placeholders

OURS = Path(__file__).with_name("url_forms.yaml")
MAX_FILE = 1 << 20
FILLED = ("channel", *placeholders.SECRETS)
WEB_PORTS = (80, 443)
MAX_NUMBER = 9999
_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


class FormError(ValueError):
    """A form cannot make an address of what a channel gives; `field` is the one that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Paths(BaseModel):
    """The paths of both streams."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    main: str = Field(min_length=1, max_length=512)
    sub: str = Field("", max_length=512)

    def of(self, variant: Variant) -> str:
        """The path of a stream; empty where there is none."""
        return self.main if variant is Variant.MAIN else self.sub


class UrlForm(Paths):
    """One make; see the comment in `url_forms.yaml`."""

    vendor: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    title: str = Field("", max_length=64)
    names: list[str] = Field(min_length=1, max_length=32)
    port: int = Field(554, ge=1, le=65535)
    sdk_ports: list[int] = Field([], max_length=16)
    numbers: Literal["count", "text"] = "count"
    single: Paths | None = None

    def rtsp_port(self, given: int | None) -> int:
        """The port to call: what the register gives, but not one that never speaks RTSP."""
        return self.port if given is None or self.mistakes_port(given) else given

    def mistakes_port(self, given: int) -> bool:
        """Whether a port is the one of a device's pages or SDK, which registers are full of."""
        return given != self.port and given in (*WEB_PORTS, *self.sdk_ports)

    def number(self, given: str) -> str:
        """A channel number as the paths take it, without leading zeros; blank is the first.

        Raises FormError for what is no number, and for a second channel where the paths know one.
        """
        title = self.title or self.vendor
        is_told = "channel" in placeholders.names(self.main + self.sub)
        if not given or (self.numbers == "text" and is_told):
            return given or "1"
        if not (given.isascii() and given.isdigit()) or len(given.lstrip("0")) > 4:
            raise FormError(
                "channel_no",
                f"通道号应为 1 到 {MAX_NUMBER} 的整数，现为 {given}；D3、CH3 之类请只填数字",
            )
        if not is_told and int(given) > 1:
            raise FormError(
                "channel_no",
                f"{title}的取流地址规则里没有通道号，只能取到第 1 路，取不到第 {int(given)} 路；"
                "请填主码流地址，或由 registry.url_forms 补充带 {channel} 的规则",
            )
        if is_told and int(given) == 0:
            raise FormError(
                "channel_no", "通道号从 1 数起，现为 0；从 0 数起的请加 1，零通道请填主码流地址"
            )
        return str(int(given) or 1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    forms: list[UrlForm]


@dataclass(frozen=True, slots=True)
class Formed:
    """An address made by a form. `path` is the form's own, to be shown; both hold no secret."""

    vendor: str
    path: str
    url: str


class UrlForms:
    """All forms; `find` and `make` are pure."""

    def __init__(self, forms: Iterable[UrlForm] = ()) -> None:
        self._forms: dict[str, UrlForm] = {}
        for form in forms:
            self._forms.setdefault(form.vendor, form)
        self._found: dict[str, UrlForm | None] = {}

    def __len__(self) -> int:
        return len(self._forms)

    @property
    def titles(self) -> list[str]:
        """The makes, as a message lists them."""
        return [form.title or form.vendor for form in self._forms.values()]

    def find(self, vendor: str) -> UrlForm | None:
        """The form of a make as a register writes it; the longest name found decides."""
        if vendor not in self._found:
            if len(self._found) > 10_000:  # a register is not trusted to be small
                self._found.clear()
            self._found[vendor] = self._search(_plain(vendor))
        return self._found[vendor]

    def make(self, channel: Channel, variant: Variant) -> Formed | None:
        """The address of one of a channel's streams.

        None where the make has no form or the form no such stream. Raises FormError, with a
        sentence for the user, for an address or channel number that the form cannot take.
        """
        form = self.find(channel.vendor)
        if form is None or not channel.address:
            return None
        paths = form if channel.channel_no or form.single is None else form.single
        path = paths.of(variant)
        if not path:
            return None
        number = form.number(channel.channel_no)
        try:
            filled = placeholders.fill(path, {"channel": number})
        except ValueError as error:
            raise FormError("channel_no", str(error)) from None
        where = f"{_host(channel.address)}:{form.rtsp_port(channel.port)}"
        return Formed(form.vendor, path, f"rtsp://{where}{filled}")

    def _search(self, vendor: str) -> UrlForm | None:
        best, length = None, 0
        for form in self._forms.values():
            for name in (form.vendor, *form.names):
                plain = _plain(name)
                if len(plain) > length and _mentions(vendor, plain):
                    best, length = form, len(plain)
        return best


def load(site: str = "") -> UrlForms:
    """Read our table and the site's file; blocking. Raises SettingsError."""
    files = [Path(site), OURS] if site else [OURS]
    return UrlForms(form for file in files for form in _read(file))


def _read(file: Path) -> list[UrlForm]:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise SettingsError(f"{file}: 超过 {MAX_FILE} 字节 / larger than {MAX_FILE} bytes")
        found: Any = yaml.safe_load(data)
        forms = _File.model_validate(found or {}).forms
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}", hint="registry.url_forms") from error
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        why = explain(error) if isinstance(error, ValidationError) else str(error)
        raise SettingsError(
            f"{file}: 不是取流地址规则表 / not a table of URL forms: {why}",
            hint="configs/url-forms.yaml",
        ) from None
    for form in forms:
        _check(file, form)
    return forms


def _check(file: Path, form: UrlForm) -> None:
    single = form.single or Paths(main="/")
    for path in (form.main, form.sub, single.main, single.sub):
        try:
            placeholders.check(path, FILLED)
            if path and (not path.startswith("/") or not path.isprintable() or " " in path):
                raise ValueError("应以 / 开头，不能有空格")
        except ValueError as error:
            raise SettingsError(f"{file}: {form.vendor}: {path}: {error}") from None


def _host(address: str) -> str:
    bare = address.strip("[]")
    if ":" in bare:
        try:
            return f"[{IPv6Address(bare)}]"
        except ValueError:
            raise FormError("address", "设备地址应为 IP 或主机名，端口请填入端口一列") from None
    if not _HOST.fullmatch(address):
        raise FormError("address", "设备地址应为 IP 或主机名")
    return address.lower()


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def _mentions(vendor: str, name: str) -> bool:
    if not name.isascii():
        return name in vendor
    # A short latin name must be a word: XM is a make, the XM inside another word is not.
    return re.search(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", vendor) is not None
