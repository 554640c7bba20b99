import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidgate.model.channel import Login
from vidgate.registry.addresses import asks_with_secret, redact, secrets_in, split_url
from vidgate.wire.uri import Uri


@pytest.mark.parametrize(
    ("given_", "url", "login"),
    [
        ("rtsp://10.0.0.1/main", "rtsp://10.0.0.1/main", None),
        ("RTSP://Cam.Local:554/A?b=C", "rtsp://cam.local:554/A?b=C", None),
        ("rtsp://admin:pw@10.0.0.1:554/x", "rtsp://10.0.0.1:554/x", Login("admin", "pw")),
        ("rtsp://admin:p@ss@10.0.0.1/x", "rtsp://10.0.0.1/x", Login("admin", "p@ss")),
        ("rtsp://admin:a:b@10.0.0.1/x", "rtsp://10.0.0.1/x", Login("admin", "a:b")),
        ("rtsp://admin:%E5%AF%86%2F@10.0.0.1/x", "rtsp://10.0.0.1/x", Login("admin", "密/")),
        ("rtsp://admin@10.0.0.1/x", "rtsp://10.0.0.1/x", Login("admin", "")),
        ("rtsp://a:b@[fe80::1]:554/x", "rtsp://[fe80::1]:554/x", Login("a", "b")),
        ("rtsp://10.0.0.1/x@y", "rtsp://10.0.0.1/x@y", None),
        ("rtsp://admin:pa#s@10.0.0.1/x", "rtsp://10.0.0.1/x", Login("admin", "pa#s")),
        ("rtsp://admin:12#@4@10.0.0.1/x#y", "rtsp://10.0.0.1/x#y", Login("admin", "12#@4")),
        ("RTSPH://a:b@10.0.0.1:8080/x", "rtsph://10.0.0.1:8080/x", Login("a", "b")),
        ("rtspsh://10.0.0.1/x", "rtspsh://10.0.0.1/x", None),
    ],
)
def test_the_login_is_taken_out(given_: str, url: str, login: Login | None) -> None:
    assert split_url(given_) == (url, login)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("10.0.0.1/main", "应形如"),
        ("http://10.0.0.1/", "不支持 http"),
        ("file:///etc/passwd", "不支持 file"),
        ("https://10.0.0.1/main", "HTTP 隧道.*rtsph://"),
        ("rtsp:///main", "主机"),
        ("rtsp://a b/main", "空格"),
        ("rtsp://h/\x00", "控制字符"),
        ("rtsp://h:0/", "端口"),
        ("rtsp://h:65536/", "端口"),
        ("rtsp://h:port/", "主机或端口"),
        ("rtsp://admin:pa/ss@h/", "%2F"),
        ("rtsp://admin:pa#s/s@h/", "%2F"),
        ("rtsp://h#part", "主机"),
        ("rtsp://h/" + "x" * 1024, "1024"),
        ("rtsp://h/live?user=a&password=b", "查询参数"),
        ("rtsp://h/user=a_password=b_channel=1", "查询参数"),
        ("rtsp://a%0A:b@h/", "控制字符"),
        (f"rtsp://a:{'b' * 129}@h/", "128"),
        ("rtsp://h\\x/", "主机"),
    ],
)
def test_what_is_wrong_is_said_without_quoting_it(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        split_url(url)
    assert url not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://admin:CANARY@h/x",
        "rtsp://h/x?token=CANARY",
        "rtsp://h/x?a=1&wsSecret=CANARY&b=2",
        "rtsp://h/x?auth_key=CANARY",
        "rtsp://h/x?authbasic=CANARY",
        "rtsp://admin:pa/CANARY@h/x",
        "rtsp://admin:p@CANARY@h:0/x",
        "rtsp://h/x?user=a&pwd=CANARY&c=1",
        "rtsp://h/user=a_password=CANARY_channel=1",
    ],
)
def test_redacting_leaves_no_password(url: str) -> None:
    assert "CANARY" not in redact(url)
    assert "***" in redact(url)


SAFE = st.text(st.characters(categories=["L", "N"], max_codepoint=0x24F), min_size=1, max_size=20)


@given(username=SAFE, password=SAFE)
def test_any_login_comes_out_whole_and_nothing_of_it_stays(username: str, password: str) -> None:
    url, login = split_url(f"rtsp://{username}:{password}@10.0.0.1/p")
    assert url == "rtsp://10.0.0.1/p"
    assert login == Login(username, password)


@given(st.text(max_size=60))
def test_anything_is_refused_or_stays_as_it_is_read(text: str) -> None:
    try:
        url, _ = split_url(text)
    except ValueError:
        return
    assert split_url(url) == (url, None)


@given(st.text("ah.1:@#?/%[]", max_size=20))
def test_what_is_registered_is_what_is_called(text: str) -> None:
    try:
        url, login = split_url(f"rtsp://{text}")
    except ValueError:
        return
    called, whole = Uri.parse(url), Uri.parse(f"rtsp://{text}")
    assert (called.username, called.password) == (None, None)
    assert called == whole.without_credentials()
    assert login is None or (login.username, login.password) == (
        whole.username,
        whole.password or "",
    )


@pytest.mark.parametrize(
    "text",
    [
        "u:canary@127.0.0.9/x",
        "rtsp:/u:canary@127.0.0.9/x",
        "p10 u:canary@x",
        "rtsp//u:can@ary@10.0.0.1",
        "RTSP://u:canary@[::1]:554/x",
    ],
)
def test_a_mistyped_address_shows_no_password_either(text: str) -> None:
    assert "ary" not in redact(text)


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        ('{"user":"u","password":"S"}', True),
        ("http://127.0.0.1/x?access_token=S", True),
        ("http://127.0.0.1/x?appSecret=S", True),
        ('{"username":"{username}","password":"{password}"}', False),
        ("user={username}&pwd={password}", False),
        ("http://127.0.0.1/streams/{id}?stream={stream}", False),
    ],
)
def test_what_a_platform_is_asked_with_holds_no_secret(text: str, is_secret: bool) -> None:
    assert asks_with_secret(text) is is_secret


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("token=1", ["token"]),
        ("a=1&accessToken=2&SIGN=3", ["accessToken", "SIGN"]),
        ("auth=1;x-auth=2", ["auth", "x-auth"]),
        ("wsSecret=1&wsTime=2", ["wsSecret"]),
        ("api_key=1&x-signature=2&ticket=3", ["api_key", "x-signature", "ticket"]),
        ("channel=1&subtype=0", []),
        ("design=1&author=2&signal=3&key=4&tokens=5", []),
        ("token=", []),
        ("transportmode=unicast&profile=Profile_1", []),
    ],
)
def test_parameters_that_let_somebody_in_are_named(query: str, names: list[str]) -> None:
    assert secrets_in(f"rtsp://h/live?{query}") == names


def test_a_password_in_another_dress_is_refused_as_one() -> None:
    with pytest.raises(ValueError, match="查询参数"):
        split_url("rtsp://h/cam?channel=1&authbasic=YWRtaW46MQ==")
