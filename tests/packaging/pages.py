"""Fetches pages where the service is: `python pages.py ADDRESS PATH...` prints what came of each.

The answer is one JSON document: path -> [status, media type, SHA-256 of the content].
"""

import json
import sys
from hashlib import sha256
from urllib.request import urlopen


def fetch(address: str, path: str) -> tuple[int, str, str]:
    """Status, media type and checksum of one page."""
    with urlopen(address + path, timeout=10) as answer:
        kind = answer.headers.get_content_type()
        return answer.status, kind, sha256(answer.read()).hexdigest()


if __name__ == "__main__":
    base = sys.argv[1].rstrip("/")
    print(json.dumps({path: fetch(base, path) for path in sys.argv[2:]}))
