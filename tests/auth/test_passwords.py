import pytest

from vidgate.auth import passwords
from vidgate.errors import InputError


def test_a_password_is_known_again_and_no_other() -> None:
    stored = passwords.hash_password("河堤 correct horse")
    assert stored.startswith("$argon2id$")
    assert passwords.verify_password(stored, "河堤 correct horse")
    assert not passwords.verify_password(stored, "河堤 correct horsf")


def test_equal_passwords_have_different_hashes() -> None:
    assert passwords.hash_password("the same words") != passwords.hash_password("the same words")


def test_nobody_can_sign_in_as_an_unknown_user() -> None:
    assert not passwords.verify_password(None, "anything")


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$broken"])
def test_a_broken_hash_lets_nobody_in(stored: str) -> None:
    assert not passwords.verify_password(stored, "")


@pytest.mark.parametrize("password", ["x" * 257, "\ud800"])
def test_what_cannot_be_a_password_is_not_hashed(password: str) -> None:
    assert not passwords.verify_password(passwords.hash_password("x"), password)


@pytest.mark.parametrize(
    ("password", "username"),
    [
        ("short", "wang"),
        ("x" * 300, "wang"),
        ("aaaaaaaaaaaaaaaa", "wang"),
        ("Password12345678", "wang"),
        ("the-WANG-family-1", "wang"),
    ],
)
def test_the_policy_refuses_what_is_guessed_first(password: str, username: str) -> None:
    with pytest.raises(InputError):
        passwords.check_policy(password, username)


def test_the_policy_takes_a_phrase() -> None:
    passwords.check_policy("river bank lantern seven", "wang")


def test_random_passwords_pass_the_policy_and_differ() -> None:
    made = {passwords.random_password() for _ in range(20)}
    assert len(made) == 20
    for password in made:
        passwords.check_policy(password, "admin")
        assert set(password) <= set(passwords.ALPHABET + "-")
