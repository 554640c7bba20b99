"""The camera inputs that a channel names: two channels that name one of them show one picture."""

from collections.abc import Collection
from typing import NamedTuple

from vidgate.model.channel import Channel
from vidgate.model.media import Variant
from vidgate.registry.addresses import canonical
from vidgate.registry.url_forms import UrlForms
from vidgate.wire.uri import DEFAULT_PORTS


class Input(NamedTuple):
    """One input: `url` an address, `device` a device's address, port and channel number."""

    kind: str
    value: str


class Inputs:
    """`of` is pure.

    `resolved`: platforms that find addresses themselves; the device address of their channels may
    be the platform's own.
    """

    def __init__(self, forms: UrlForms | None = None, resolved: Collection[str] = ()) -> None:
        self._forms = forms or UrlForms()
        self._resolved = frozenset(resolved)

    def of(self, channel: Channel) -> list[Input]:
        """What a channel names: its address, else the input of its device, written alike."""
        if channel.url:
            return [Input("url", canonical(channel.url))]
        if channel.address and (channel.channel_no or channel.platform not in self._resolved):
            return self._device(channel)
        return []

    def _device(self, channel: Channel) -> list[Input]:
        """The input of the device, whatever its make is called; and the address made of it."""
        form = self._forms.find(channel.vendor)
        port = form.rtsp_port(channel.port) if form else channel.port or DEFAULT_PORTS["rtsp"]
        number = channel.channel_no.lstrip("0") or "1"
        found = [Input("device", f"{channel.address.strip('[]').lower()} {port} {number}")]
        try:
            made = self._forms.make(channel, Variant.MAIN)
        except ValueError:  # said elsewhere
            made = None
        return found if made is None else [*found, Input("url", canonical(made.url))]
