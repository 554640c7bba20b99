"""Digest and Basic authentication."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rtp.work import lines
from vidgate.model.channel import Login
from vidgate.wire.digest import (
    MAX_CHALLENGES,
    MAX_LENGTH,
    MAX_STALE,
    DigestClient,
    DigestServer,
    parse_challenges,
)

LOGIN = Login("Mufasa", "Circle Of Life")
URI = "rtsp://127.0.0.1/main"


def client(*values: str, login: Login = LOGIN) -> DigestClient:
    made = DigestClient(login)
    assert challenged(made, *values)
    return made


def challenged(digest: DigestClient, *values: str) -> bool:
    return digest.challenge(parse_challenges(values))


def fields(authorization: str | None) -> dict[str, str]:
    assert authorization is not None
    return parse_challenges([authorization])[0].parameters


def test_the_example_of_rfc_2617(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "0a4f113b")
    digest = client(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    given_ = fields(digest.authorization("GET", "/dir/index.html"))
    assert given_["response"] == "6629fae49393a05397450978507c4ef1"
    assert given_["opaque"] == "5ccc069c403ebaf9f0171e9517f40e41"
    assert "algorithm" not in given_  # echoed only where it was given
    assert given_["nc"] == "00000001"


def test_the_sha_256_example_of_rfc_7616(monkeypatch: pytest.MonkeyPatch) -> None:
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("secrets.token_hex", lambda size: cnonce)
    digest = client(
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
        login=Login("Mufasa", "Circle of Life"),
    )
    response = fields(digest.authorization("GET", "/dir/index.html"))["response"]
    assert response == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


def test_without_qop_the_old_form_is_answered() -> None:
    given_ = fields(client('Digest realm="r", nonce="n"').authorization("DESCRIBE", URI))
    assert set(given_) == {"username", "realm", "nonce", "uri", "response"}


@pytest.mark.parametrize(
    "algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"]
)
def test_client_and_server_agree(algorithm: str) -> None:
    server = DigestServer("IP Camera", algorithm, "admin", 'p"a\\ss,=wörd')
    digest = client(server.challenge(), login=Login("admin", 'p"a\\ss,=wörd'))
    for method in ("DESCRIBE", "SETUP"):
        answer = digest.authorization(method, URI)
        assert answer is not None
        assert server.check(method, URI, answer)
        assert not server.check(method, URI, answer), "a count is used once"


def test_the_server_refuses_what_is_wrong() -> None:
    server = DigestServer("r", "MD5", "admin", "right")
    answer = client(server.challenge(), login=Login("admin", "wrong")).authorization("PLAY", URI)
    assert answer is not None
    assert not server.check("PLAY", URI, answer)
    other = client('Digest realm="r", nonce="made up", qop="auth"').authorization("PLAY", URI)
    assert other is not None
    assert not server.check("PLAY", URI, other)
    assert not server.check("PLAY", URI, "Basic YWRtaW46cmlnaHQ=")
    assert not server.check("PLAY", URI, "")
    good = client(server.challenge(), login=Login("admin", "right")).authorization("PLAY", URI)
    assert good is not None
    assert not server.check("PLAY", "rtsp://elsewhere/", good)
    assert not server.check("PLAY", URI, good.replace("nc=", "nc=zz"))
    assert not server.check("PLAY", URI, good.replace('"admin"', '"root"'))
    assert not server.check("PLAY", URI, good.replace("qop=auth", "x=y"))
    assert server.check("PLAY", URI, good)


def test_the_server_forgets_old_nonces() -> None:
    server = DigestServer("r", "MD5", LOGIN.username, LOGIN.password)
    old = client(server.challenge()).authorization("PLAY", URI)
    for _ in range(server.MAX_NONCES):
        server.challenge()
    assert old is not None
    assert not server.check("PLAY", URI, old)


def test_the_strongest_comes_first_then_the_next_when_it_is_refused() -> None:
    offers = [
        'Basic realm="r"',
        'Digest realm="r", nonce="1"',
        'Digest realm="r", nonce="2", algorithm=SHA-256',
    ]
    digest = client(*offers)
    assert fields(digest.authorization("PLAY", URI))["algorithm"] == "SHA-256"
    assert challenged(digest, *offers)
    assert "algorithm" not in fields(digest.authorization("PLAY", URI))
    assert not challenged(digest, *offers), (
        "both digests were refused; Basic would show the password"
    )
    assert digest.authorization("PLAY", URI) is None


def test_one_weaker_kind_is_tried_and_no_third_one() -> None:
    kinds = "SHA-512-256", "SHA-256", "MD5"
    offers = [f'Digest realm="r", nonce="1", algorithm={kind}' for kind in kinds]
    digest = client(*offers)
    tries = []
    while given := digest.authorization("PLAY", URI):
        tries.append(fields(given)["algorithm"])
        challenged(digest, *offers)
    assert tries == ["SHA-512-256", "MD5"]


THREE = [
    'Digest realm="r", nonce="1", algorithm=SHA-256',
    'Digest realm="r", nonce="2", algorithm=MD5',
    'Digest realm="r", nonce="3", algorithm=SHA-512-256',
]


def test_what_was_taken_before_is_tried_first() -> None:
    digest = client(*THREE)
    digest.authorization("PLAY", URI)
    assert challenged(digest, *THREE)
    digest.authorization("PLAY", URI)
    digest.accepted()
    assert digest.taken == ("digest", "MD5")
    renewed = [offer.replace('nonce="', 'nonce="new') for offer in THREE]
    for again in (digest, DigestClient(LOGIN, digest.taken)):
        assert challenged(again, *renewed)
        assert fields(again.authorization("PLAY", URI))["algorithm"] == "MD5"


def test_one_refusal_of_the_only_offer_is_final() -> None:
    digest = client('Digest realm="r", nonce="1"')
    digest.authorization("PLAY", URI)
    assert not challenged(digest, 'Digest realm="r", nonce="2"')


def test_a_stale_nonce_is_renewed_but_not_for_ever() -> None:
    digest = client('Digest realm="r", nonce="0"')
    for number in range(MAX_STALE):
        digest.authorization("PLAY", URI)
        assert challenged(digest, f'Digest realm="r", nonce="{number + 1}", stale=TRUE')
    digest.authorization("PLAY", URI)
    assert not challenged(digest, 'Digest realm="r", nonce="x", stale=true')


def test_a_fresh_nonce_after_a_success_is_no_verdict_on_the_password() -> None:
    digest = client('Digest realm="r", nonce="1"')
    digest.authorization("DESCRIBE", URI)
    digest.accepted()
    digest.authorization("GET_PARAMETER", URI)
    assert challenged(digest, 'Digest realm="r", nonce="2"')
    digest.authorization("GET_PARAMETER", URI)
    assert not challenged(digest, 'Digest realm="r", nonce="3"')


def test_basic_where_there_is_nothing_else() -> None:
    digest = client('Basic realm="r"', login=Login("Aladdin", "open sesame"))
    assert digest.authorization("PLAY", URI) == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_what_cannot_be_answered_is_no_challenge() -> None:
    for value in ("Digest", 'Digest realm="r"', 'Digest nonce="n", algorithm=NEW', "NTLM", ""):
        assert not challenged(DigestClient(LOGIN), value)
    assert not challenged(DigestClient(LOGIN), 'Digest nonce="n", qop="auth-int"')


@pytest.mark.parametrize("sign", ["\0", "\r", "\n"])
def test_a_challenge_that_cannot_be_said_back_is_none(sign: str) -> None:
    broken = f'Digest realm="IP Camera", nonce="ab{sign}12"'
    assert parse_challenges([broken]) == []
    assert not challenged(DigestClient(LOGIN), broken)
    assert challenged(DigestClient(LOGIN), broken, 'Digest realm="a", nonce="b"')


def test_several_challenges_in_one_value() -> None:
    found = parse_challenges(
        ['Digest realm="a, b=\\"c\\"", nonce=bare, qop="auth,auth-int", Basic realm="x" , Digest']
    )
    assert [challenge.scheme for challenge in found] == ["digest", "basic", "digest"]
    assert found[0].get("realm") == 'a, b="c"'
    assert found[0].get("nonce") == "bare"


@given(st.text(max_size=200))
def test_any_value_can_be_parsed(value: str) -> None:
    for challenge in parse_challenges([value]):
        assert challenge.scheme


@pytest.mark.parametrize(
    "value", ['a="', " ", 'x="\\', "a", "1", "-", "1 ", "a,", 'Digest a="\\x', "=", "é", "+", "a=,"]
)
def test_a_hostile_value_costs_little(value: str) -> None:
    """Read anew at each character it takes half a second, passed over one by one a tenth."""
    text = "Digest " + value * ((MAX_LENGTH - 7) // len(value))
    whole = [text, *[value * (4000 // len(value))] * 14, 'Digest realm="r", nonce="1"']
    assert lines(lambda: parse_challenges(whole)) < 5 * MAX_LENGTH


def test_what_does_not_fit_is_no_challenge() -> None:
    short = 'Digest realm="r", nonce="%s"' % ("1" * 32)
    long = short.replace("1", "1" * (MAX_LENGTH // 32))
    assert len(parse_challenges([long, short])) == 1
    many = parse_challenges([short] * 100)
    assert len(many) == MAX_CHALLENGES
    assert len(parse_challenges([short + " " * 1000] * 100)) == 3
