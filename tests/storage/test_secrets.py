import stat
from pathlib import Path

import pytest

from vidgate.errors import StorageError
from vidgate.storage.secrets import SecretBox


def test_what_is_sealed_opens_again_after_a_restart(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path).seal("pässwörd 密码", "credential:a")
    assert SecretBox(tmp_path).open(sealed, "credential:a") == "pässwörd 密码"
    assert "密码".encode() not in sealed


def test_the_same_text_is_sealed_differently_each_time(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    assert box.seal("a", "c") != box.seal("a", "c")


def test_the_key_is_private(tmp_path: Path) -> None:
    SecretBox(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data" / "secret.key").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_a_sealed_text_opens_in_its_own_context_only(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    sealed = box.seal("a", "credential:one")
    with pytest.raises(StorageError, match=r"secret\.key"):
        box.open(sealed, "credential:two")


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s[:5], lambda s: s[:-1] + b"\0\0"])
def test_a_changed_text_does_not_open(tmp_path: Path, change: object) -> None:
    assert callable(change)
    box = SecretBox(tmp_path)
    with pytest.raises(StorageError):
        box.open(change(box.seal("abc", "c")), "c")


def test_another_installations_key_does_not_open(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path / "one").seal("a", "c")
    with pytest.raises(StorageError, match="不匹配"):
        SecretBox(tmp_path / "two").open(sealed, "c")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    SecretBox(tmp_path)
    (tmp_path / "secret.key").chmod(0o644)
    with pytest.raises(StorageError, match="其他用户可读") as caught:
        SecretBox(tmp_path)
    assert "chmod 600" in caught.value.hint


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"short")
    (tmp_path / "secret.key").chmod(0o600)
    with pytest.raises(StorageError, match="32"):
        SecretBox(tmp_path)


def test_fingerprints_tell_apart_and_depend_on_the_key(tmp_path: Path) -> None:
    one, two = SecretBox(tmp_path / "one"), SecretBox(tmp_path / "two")
    assert one.fingerprint("a", "b") == one.fingerprint("a", "b")
    assert one.fingerprint("a", "b") != one.fingerprint("ab", "")
    assert one.fingerprint("a", "b") != two.fingerprint("a", "b")
