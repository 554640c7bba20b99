from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.simulator.conftest import id_of
from vidgate.errors import ConflictError
from vidgate.simulator.control import Control
from vidgate.simulator.faults import FAULTS
from vidgate.simulator.fleet import Fleet


@pytest.fixture
async def http(fleet: Fleet) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(fleet.control_url) as session:
        yield session


async def test_truth_is_told(fleet: Fleet, http: aiohttp.ClientSession) -> None:
    async with http.get("/truth") as answer:
        truth = await answer.json()
    channel = truth["channels"][id_of(fleet)]
    assert len(truth["channels"]) == 20
    assert channel["condition"] == "up"
    assert channel["expect"] == {"describe": "reachable", "media": "up"}
    assert channel["host"] in truth["hosts"]


async def test_the_load_is_told_without_the_channels(
    fleet: Fleet, http: aiohttp.ClientSession
) -> None:
    async with http.get("/load") as answer:
        load = await answer.json()
    assert load.keys() == {"uptime", "connects", "peak_connects", "hosts"}
    assert load["hosts"].keys() == fleet.hosts.keys()


async def test_the_load_is_counted_anew(fleet: Fleet, http: aiohttp.ClientSession) -> None:
    camera = fleet.cameras[id_of(fleet)]
    camera.place.take()
    camera.place.give_back()
    async with http.delete("/load") as answer:
        assert answer.status == 204
    async with http.get("/load") as answer:
        load = await answer.json()
    assert load["connects"] == 0
    assert load["hosts"][camera.host]["taken"] == 0


async def test_faults_are_set_listed_and_cleared(fleet: Fleet, http: aiohttp.ClientSession) -> None:
    entry = {"channel": id_of(fleet), "fault": "busy"}
    async with http.post("/faults", json=[entry]) as answer:
        assert answer.status == 201
    assert fleet.cameras[id_of(fleet)].fault is FAULTS["busy"]
    async with http.get("/faults") as answer:
        assert await answer.json() == [{**entry, "from": None, "until": None}]
    async with http.delete(f"/faults/{id_of(fleet)}") as answer:
        assert answer.status == 204
    assert fleet.cameras[id_of(fleet)].fault is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("nonsense", 400),
        ('[{"channel": "x"}]', 400),
        ('[{"channel": "nobody", "fault": "down"}]', 404),
    ],
)
async def test_wrong_faults_are_explained(
    http: aiohttp.ClientSession, body: str, status: int
) -> None:
    async with http.post("/faults", data=body) as answer:
        assert answer.status == status
        assert (await answer.json())["title"]
    async with http.delete("/faults/nobody") as answer:
        assert answer.status == 404


async def test_a_busy_port_is_named(fleet: Fleet) -> None:
    port = int(fleet.control_url.rpartition(":")[2])
    with pytest.raises(ConflictError, match=str(port)):
        await Control(fleet, port).__aenter__()
