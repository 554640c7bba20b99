"""The headers that every answer carries."""

from aiohttp import hdrs, web

from vidgate.web.context import CONTEXT

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers older than frame-ancestors
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(self), usb=()",
    "Server": "vidgate",  # aiohttp would tell its version and Python's
}

# Pages of other origins may watch with a token or ticket of their own. Without
# Access-Control-Allow-Credentials no browser sends our cookie along.
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": "Location, ETag, Retry-After, X-Vidgate-Stream",
    "Access-Control-Max-Age": "86400",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Runs before the headers of any answer are sent, streams and refusals included."""
    response.headers.update(HEADERS)
    context = request.app[CONTEXT]
    if context.peers.is_secure(request):
        # Over plain HTTP browsers ignore it and complain.
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if seconds := context.settings.http.tls.hsts:
            # Off by default: it is kept per host name, not per port, and cuts off the plain port.
            response.headers["Strict-Transport-Security"] = f"max-age={seconds}"
    # Answers hold what only the caller may see; static files say otherwise for themselves.
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    if request.path.startswith("/whep"):
        response.headers.update(CORS)
