"""Pages that stand without the console: for who cannot sign in yet, or is in a hurry."""

from html import escape

from aiohttp import web

_DOCUMENT = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · vidgate</title>
<link rel="stylesheet" href="/ca.css">
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def document(title: str, body: str) -> web.Response:
    """A page; `body` is HTML in which everything from outside was escaped."""
    text = _DOCUMENT.format(title=escape(title), body=body)
    return web.Response(text=text, content_type="text/html")
