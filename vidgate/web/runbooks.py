"""What to do about each alert: pages that the alerts' links lead to, also where nothing is outside.

Open to all, for whoever is woken up may not be signed in; they tell nothing of the site.
"""

from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

import yaml
from aiohttp import web

from vidgate.errors import NotFoundError
from vidgate.web.document import document

Pair = tuple[str, str]  # zh-CN, English


@cache
def runbooks() -> Mapping[str, Any]:
    """By the alert's name: `zh`, `en`, `means` (a pair), `steps` (pairs)."""
    text = files(__package__).joinpath("runbooks.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = yaml.safe_load(text)
    return found


async def index(_: web.Request) -> web.Response:
    """All alerts."""
    entries = "\n".join(
        f'<dt><a href="/help/alerts/{name}">{_both((book["zh"], book["en"]))}</a></dt>'
        f"<dd><code>{name}</code></dd>"
        for name, book in runbooks().items()
    )
    return document(
        "告警怎么办", f'<h1>告警怎么办 <small lang="en">alerts</small></h1><dl>{entries}</dl>'
    )


async def page(request: web.Request) -> web.Response:
    """One alert."""
    name = request.match_info["name"]
    book = runbooks().get(name)
    if book is None:
        raise NotFoundError(f"没有这个告警 / no alert is called {name}", hint="/help/alerts")
    steps = "\n".join(f"<li>{_both(step)}</li>" for step in book["steps"])
    body = (
        f'<h1>{escape(book["zh"])} <small lang="en">{escape(book["en"])}</small></h1>'
        f"<p><code>{name}</code></p><p>{_both(book['means'])}</p>"
        f'<h2>怎么办 <small lang="en">what to do</small></h2><ol>{steps}</ol>'
        '<p><a href="/help/alerts">全部告警 all alerts</a> · <a href="/">控制台 console</a></p>'
    )
    return document(book["zh"], body)


def _both(pair: Pair) -> str:
    zh, en = pair
    return f'{escape(zh)} <span lang="en">{escape(en)}</span>'
