from tests.web.conftest import Site
from vidgate.model.user import Role

CREDENTIALS = "/api/v1/credentials"


async def test_credentials_are_listed_without_passwords(site: Site) -> None:
    response = await site.call("GET", CREDENTIALS, role=Role.ENGINEER)
    assert "hunter2" not in await response.text()
    assert (await response.json())["items"] == [
        {
            "name": "nvr",
            "username": "admin",
            "channels": 3,
            "platform": "",
            "host": "",
            "vendor": "",
        }
    ]


async def test_a_password_goes_in_and_does_not_come_out(site: Site) -> None:
    body = {"username": "root", "password": "hunter3"}
    response = await site.call("PUT", f"{CREDENTIALS}/new", role=Role.ENGINEER, json=body)
    assert response.status == 200
    assert "hunter3" not in await response.text()
    assert site.fakes.registry.calls == [
        ("credential", "new", "root", "hunter3", {}, "token 1 test")
    ]
    wrong = await site.call(
        "PUT", f"{CREDENTIALS}/new", role=Role.ENGINEER, json={"password": ["hunter4"]}
    )
    assert wrong.status == 400
    assert "hunter4" not in await wrong.text()


async def test_patterns_are_set_alone_and_a_login_goes_as_a_whole(site: Site) -> None:
    body = {"host": "10.1.*", "vendor": ""}
    response = await site.call("PUT", f"{CREDENTIALS}/nvr", role=Role.ENGINEER, json=body)
    assert (await response.json())["host"] == "10.1.*"
    assert site.fakes.registry.calls == [("credential", "nvr", None, None, body, "token 1 test")]
    half = await site.call("PUT", f"{CREDENTIALS}/nvr", role=Role.ENGINEER, json={"username": "x"})
    assert half.status == 400


async def test_the_key_is_rotated_by_an_administrator_only(site: Site) -> None:
    path = "/api/v1/secret-key/rotation"
    assert (await site.call("POST", path, role=Role.ENGINEER)).status == 403
    done = await site.call("POST", path, role=Role.ADMINISTRATOR)
    assert await done.json() == {"credentials": 1}


async def test_who_uses_a_credential_is_told_with_the_way_it_came_to(site: Site) -> None:
    path = f"{CREDENTIALS}/nvr/channels"
    assert (await site.call("GET", path, role=Role.OPERATOR)).status == 403
    told = await (await site.call("GET", path, role=Role.ENGINEER)).json()
    assert told["items"] == [
        {"id": "Camera-1", "name": "城关镇河堤", "named": True},
        {"id": "camera-2", "name": "学校门口", "named": False},
    ]
    missing = await site.call("GET", f"{CREDENTIALS}/none/channels", role=Role.ENGINEER)
    assert missing.status == 404
