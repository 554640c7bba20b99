"""RTSP 1.0 (RFC 2326): messages, headers and session on bytes; client and source in asyncio."""
