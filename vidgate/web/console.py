"""The console's files: read when the service starts, so that no request names a path on disk."""

import asyncio
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

import vidgate
from vidgate.errors import NotFoundError
from vidgate.web.exchange import accepts_gzip, gzip

INDEX = "index.html"
MAX_FILES = 2000
MAX_FILE = 32 << 20

_PACKED = frozenset({".html", ".js", ".css", ".svg", ".json", ".map", ".txt", ".webmanifest"})

# mimetypes reads the machine's tables, which differ; a module script must be JavaScript.
_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}

_ABSENT = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>vidgate</title></head><body>
<h1>控制台尚未构建</h1>
<p>服务正在运行，接口、预览与指标均可使用；网页控制台还没有构建。</p>
<p>请在源码目录运行 <code>scripts/setup</code>，然后重新启动服务。</p>
<hr>
<p lang="en">The service runs, but its console is not built.
Run <code>scripts/setup</code> in the source folder and start the service again.</p>
</body></html>
"""


@dataclass(slots=True)
class Asset:
    """One built file; `etag` is made and `packed` filled when it is first asked for."""

    path: Path
    media_type: str
    hashed: bool
    packs: bool
    etag: str = ""
    data: bytes = b""
    packed: bytes = b""


class Console:
    """Serves the built application, and its index for the pages that it routes itself."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(vidgate.__file__).parent / "console" / "dist"
        self._assets: dict[str, Asset] = {}

    def load(self) -> None:
        """Look which files there are; blocks, so call it in a thread."""
        self._assets = _scan(self._folder)

    @property
    def is_built(self) -> bool:
        """Whether there is a console to show."""
        return INDEX in self._assets

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One file of the console; raises NotFoundError."""
        asset = self._assets.get(request.path.removeprefix("/") or INDEX)
        if asset is None:
            return await self._fallback(request)
        return await self._send(request, asset)

    async def _fallback(self, request: web.Request) -> web.StreamResponse:
        """A page of the application for one who types its address; never for a missing file."""
        if "text/html" not in request.headers.get(hdrs.ACCEPT, "") and request.path != "/":
            raise NotFoundError(f"{request.path} 处没有内容 / there is nothing")
        if not self.is_built:
            return web.Response(status=503, text=_ABSENT, content_type="text/html")
        return await self._send(request, self._assets[INDEX])

    async def _send(self, request: web.Request, asset: Asset) -> web.StreamResponse:
        if not asset.etag:
            await asyncio.to_thread(_load, asset)
        headers = {
            hdrs.ETAG: f'"{asset.etag}"',
            hdrs.VARY: "Accept-Encoding",
            # The build puts a hash of the content into the names under assets/.
            hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable"
            if asset.hashed
            else "no-cache",
        }
        if any(tag.value == asset.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        body = asset.data
        if asset.packed and accepts_gzip(request):
            body = asset.packed
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(
            body=body,
            headers=headers,
            content_type=asset.media_type,
            charset="utf-8" if asset.packs else None,
        )


def _scan(folder: Path) -> dict[str, Asset]:
    if not (folder / INDEX).is_file():
        return {}
    assets: dict[str, Asset] = {}
    for path in sorted(folder.rglob("*"))[:MAX_FILES]:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_FILE:
            continue
        name = path.relative_to(folder).as_posix()
        suffix = path.suffix.lower()
        guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        assets[name] = Asset(
            path=path,
            media_type=_TYPES.get(suffix, guessed),
            hashed=name.startswith("assets/"),
            packs=suffix in _PACKED,
        )
    return assets


def _load(asset: Asset) -> None:
    data = asset.path.read_bytes()
    packed = gzip(data, 6) if asset.packs else b""
    asset.packed = packed if len(packed) < len(data) else b""
    asset.data = data
    asset.etag = hashlib.sha256(data).hexdigest()[:20]
