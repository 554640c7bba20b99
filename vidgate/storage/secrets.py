"""What must not be readable in the database file: sealed with a key that is kept beside it."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from vidgate.errors import StorageError

KEY_SIZE = 32
NONCE_SIZE = 12


class SecretBox:
    """AES-256-GCM with the key in `secret.key` of the data folder, made at the first start.

    A sealed value is bound to its context: moved to another row it does not open. While the key is
    rotated the file holds two, the newer first: it seals, either opens.
    Raises StorageError where the key file cannot be used.
    """

    def __init__(self, data_folder: Path) -> None:
        self._file = data_folder / "secret.key"
        self._take(_load(self._file))

    @property
    def is_rotating(self) -> bool:
        """Whether a rotation has begun and not ended."""
        return len(self._ciphers) > 1

    def add_key(self) -> None:
        """Make a new key that seals from now on; the one before still opens. Blocking.

        Where a rotation has begun already its key is kept.
        """
        if not self.is_rotating:
            self._write(os.urandom(KEY_SIZE) + self._key)

    def drop_old_keys(self) -> None:
        """Forget all keys but the newest: nothing must be sealed with them any more. Blocking."""
        self._write(self._key)

    def _write(self, keys: bytes) -> None:
        """Replace the file as a whole, so that at any moment one of both is there."""
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            _write(draft, keys)
            draft.replace(self._file)
            _sync_folder(self._file.parent)
        except OSError as error:
            raise StorageError(f"{self._file}: {error.strerror}") from error
        finally:
            draft.unlink(missing_ok=True)
        self._take(keys)

    def _take(self, keys: bytes) -> None:
        self._key = keys[:KEY_SIZE]
        self._ciphers = [
            AESGCM(keys[start : start + KEY_SIZE]) for start in range(0, len(keys), KEY_SIZE)
        ]

    def seal(self, text: str, context: str) -> bytes:
        """Nonce, ciphertext and tag."""
        nonce = os.urandom(NONCE_SIZE)
        return nonce + self._ciphers[0].encrypt(nonce, text.encode(), context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """The text sealed under the same context; StorageError for any other."""
        nonce, rest = sealed[:NONCE_SIZE], sealed[NONCE_SIZE:]
        failure: Exception | None = None
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, rest, context.encode()).decode()
            except (InvalidTag, ValueError) as error:
                failure = error
        raise StorageError(
            "secret.key 与数据库不匹配 / secret.key is not the key of this database",
            hint="恢复与数据库同时备份的 secret.key",
        ) from failure

    def fingerprint(self, *parts: str) -> str:
        """Sixteen hex digits that tell texts apart and, without the key, say nothing of them."""
        digest = HMAC(self._key, SHA256())
        for part in parts:
            raw = part.encode()
            digest.update(len(raw).to_bytes(4, "big") + raw)
        return digest.finalize().hex()[:16]


def _load(file: Path) -> bytes:
    """Read the key, or make it: written whole under another name first, then linked."""
    try:
        if not file.exists():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(file)
        key = file.read_bytes()
        if file.stat().st_mode & 0o077:
            raise StorageError(
                f"{file}: 其他用户可读 / readable by others", hint=f"chmod 600 {file}"
            )
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}") from error
    if len(key) not in (KEY_SIZE, 2 * KEY_SIZE):
        raise StorageError(f"{file}: 应为 {KEY_SIZE} 字节 / must be {KEY_SIZE} bytes")
    return key


def _create(file: Path) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    _write(draft, os.urandom(KEY_SIZE))
    try:
        os.link(draft, file)
    except FileExistsError:
        pass  # another process was first: its key counts
    finally:
        draft.unlink()


def _write(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
