import json
import zlib
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from vidgate.web import exchange


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=5)), max_size=450))
def test_rows_in_chunks_are_one_array(rows: list[dict[str, str]]) -> None:
    import asyncio

    encoded = asyncio.run(exchange.encode_rows(rows, lambda row: row))
    assert json.loads(encoded) == rows


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 400, 1000])
async def test_no_row_is_lost_between_chunks(count: int) -> None:
    encoded = await exchange.encode_rows(range(count), lambda row: row)
    assert json.loads(encoded) == list(range(count))


@pytest.mark.parametrize(
    ("header", "accepts"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("deflate", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("xgzip", False),
        ("", False),
    ],
)
def test_gzip_is_for_those_who_take_it(header: str, accepts: bool) -> None:
    request: Any = make_mocked_request("GET", "/", headers={"Accept-Encoding": header})
    assert exchange.accepts_gzip(request) is accepts


@given(st.binary(max_size=5000))
def test_gzip_is_gzip(data: bytes) -> None:
    assert zlib.decompress(exchange.gzip(data), wbits=31) == data
