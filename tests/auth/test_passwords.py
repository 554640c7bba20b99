import pytest

from vidgate.auth import passwords


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


def test_random_passwords_are_long_and_differ() -> None:
    made = {passwords.random_password() for _ in range(20)}
    assert len(made) == 20
    for password in made:
        assert len(password) == 23  # twenty characters and three dashes: 116 bits
        assert set(password) <= set(passwords.ALPHABET + "-")
