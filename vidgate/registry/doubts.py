"""What is doubtful about a channel as a whole: told wherever it is entered or shown, not refused.

What needs other channels to be seen (`twins`, `points`) or is refused (`fields.problems`,
`routes.mistakes`) is not here.
"""

from vidgate.model.channel import Channel, Platform
from vidgate.registry import gbcode, routes
from vidgate.registry.addresses import secrets_in
from vidgate.registry.fields import URLS, is_lost
from vidgate.registry.url_forms import UrlForms

TEXTS = ("name", "point", "channel_no", "department", "area", "industry", "vendor")
# A doubt is told of a row that says one of these, for it may come from any of them.
DEVICE = frozenset(("vendor", "address", "port", "channel_no", "platform"))


def doubts(channel: Channel, platform: Platform | None, forms: UrlForms) -> list[tuple[str, str]]:
    """(field, sentence) for each doubt."""
    codes = [("gb_code", doubt) for doubt in gbcode.doubts(channel.gb_code)]
    return codes + lost_numbers(channel) + of_addresses(channel, platform, forms)


def lost_numbers(channel: Channel) -> list[tuple[str, str]]:
    """Values that an older version took from a spreadsheet after it had lost their digits."""
    texts = [(name, getattr(channel, name)) for name in TEXTS]
    texts += [("tags", tag) for tag in channel.tags]
    return [
        (name, f"“{value}” 是 Excel 丢失精度后的长数字，不同的编号会变成同一个，请重新填写")
        for name, value in texts
        if is_lost(value)
    ]


def of_addresses(
    channel: Channel, platform: Platform | None, forms: UrlForms
) -> list[tuple[str, str]]:
    """The doubts about where its pictures come from."""
    return [
        *_tickets(channel),
        *routes.unusable(channel, platform, forms),
        *routes.replaced_port(channel, platform, forms),
    ]


def has_ticket(channel: Channel) -> bool:
    """Whether an address of the channel lets in whoever has it."""
    return any(secrets_in(getattr(channel, name)) for name in URLS)


def _tickets(channel: Channel) -> list[tuple[str, str]]:
    """Addresses that let in whoever has them: kept and exported as they are."""
    return [
        (
            name,
            f"地址里的 {'、'.join(found)} 像是口令或临时票据：会原样保存、显示给工程师并导出，"
            "过期即失效；由平台发放的请改用 platform set --resolver http",
        )
        for name in URLS
        if (found := secrets_in(getattr(channel, name)))
    ]
