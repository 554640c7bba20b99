"""The last picture of a channel, with its age: for a tile whose live one is on its way."""

from email.utils import formatdate

from aiohttp import hdrs, web

from vidgate.auth.permissions import require_stream
from vidgate.errors import NotFoundError
from vidgate.web.access import principal_of
from vidgate.web.context import CONTEXT

JPEG = "image/jpeg"


async def show(request: web.Request) -> web.Response:
    """The last picture seen; `Age` is its own in seconds, `Last-Modified` when it came.

    Raises NoPictureError where none was ever seen.
    """
    context = request.app[CONTEXT]
    channel = context.parts.registry.get(request.match_info["id"])
    principal = principal_of(request)
    require_stream(principal, channel.id)
    found = await context.parts.snapshots.get(channel.id)
    if found is None:
        raise NoPictureError(
            f"{channel.id}: 还没有见过它的画面 / no picture of it was ever seen",
            hint="观看或立即探测（probe --level media）之后就有",
        )
    context.notes.note(principal.name, "snapshot.watch", channel.id)
    headers = {
        "Age": str(max(0, round(context.clock.wall() - found.time))),
        hdrs.LAST_MODIFIED: formatdate(found.time, usegmt=True),
        hdrs.CACHE_CONTROL: "no-store",  # pictures of people are nothing for a browser's disk
    }
    return web.Response(body=found.jpeg, content_type=JPEG, headers=headers)


class NoPictureError(NotFoundError):
    """The channel is there, a picture of it is not."""

    code = "no_picture"
