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

    A sealed value is bound to its context: moved to another row it does not open.
    Raises StorageError where the key file cannot be used.
    """

    def __init__(self, data_folder: Path) -> None:
        self._key = _load(data_folder / "secret.key")
        self._cipher = AESGCM(self._key)

    def seal(self, text: str, context: str) -> bytes:
        """Nonce, ciphertext and tag."""
        nonce = os.urandom(NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, text.encode(), context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """The text sealed under the same context; StorageError for any other."""
        nonce, rest = sealed[:NONCE_SIZE], sealed[NONCE_SIZE:]
        try:
            return self._cipher.decrypt(nonce, rest, context.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise StorageError(
                "secret.key 与数据库不匹配 / secret.key is not the key of this database",
                hint="恢复与数据库同时备份的 secret.key",
            ) from error

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
    if len(key) != KEY_SIZE:
        raise StorageError(f"{file}: 应为 {KEY_SIZE} 字节 / must be {KEY_SIZE} bytes")
    return key


def _create(file: Path) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, os.urandom(KEY_SIZE))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass  # another process was first: its key counts
    finally:
        draft.unlink()
