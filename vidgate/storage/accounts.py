"""Users, their sessions, and tokens.

What proves an identity comes in as a hash and is stored as that: argon2id of passwords, SHA-256 of
the long random secrets of sessions and tokens.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, RowMapping, Update, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vidgate.aio.clock import Clock
from vidgate.aio.report import Report
from vidgate.errors import ConflictError, NotFoundError, StorageError
from vidgate.model.user import Role
from vidgate.settings.tree import AuthSettings
from vidgate.storage import models
from vidgate.storage.audit import Audit
from vidgate.storage.database import Database

TOUCH = 60.0  # seconds between writes of "last seen": a page asks several times a second


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account; `password` is its argon2id hash."""

    name: str
    role: Role
    password: str
    enabled: bool = True
    created: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token without its secret; `used` is when it was last seen, at minute's grain."""

    id: int
    name: str
    role: Role
    actor: str
    created: float
    used: float | None = None


class Accounts:
    """Reads and writes accounts; every deed of a person leaves an audit row.

    A session ends `session_idle` seconds after its last use, and `session_max` after its start.
    """

    def __init__(
        self, db: Database, settings: AuthSettings | None = None, *, clock: Clock | None = None
    ) -> None:
        self._db = db
        self._audit = Audit(db)
        self._settings = settings or AuthSettings()
        self._clock = clock or db.clock
        self._report = Report()

    # Users

    async def has_users(self) -> bool:
        """Whether there is any account."""
        async with self._db.read() as session:
            return (await session.execute(select(models.users.c.name).limit(1))).first() is not None

    async def users(self) -> list[User]:
        """All users by name."""
        async with self._db.read() as session:
            rows = await session.execute(select(models.users).order_by(models.users.c.name))
            return [_user(row._mapping) for row in rows]

    async def user(self, name: str) -> User | None:
        """The user of a name, ignoring case."""
        query = select(models.users).where(models.users.c.name == name.lower())
        async with self._db.read() as session:
            row = (await session.execute(query)).first()
        return _user(row._mapping) if row else None

    async def add_user(self, name: str, role: Role, password: str, actor: str) -> User:
        """Make a user with a password hash. ConflictError where the name is taken."""
        user = User(name=name.lower(), role=role, password=password, created=self._clock.wall())
        values = {
            "name": user.name,
            "role": role.value,
            "password": password,
            "enabled": True,
            "created": user.created,
        }
        try:
            async with self._db.write() as session:
                await session.execute(insert(models.users), values)
                await self._audit.record(
                    session, actor, "user.create", user.name, {"role": role.value}
                )
        except IntegrityError:
            raise ConflictError(f"用户 {user.name} 已存在 / exists already") from None
        return user

    async def set_password(self, name: str, password: str, actor: str) -> None:
        """Set a password hash and end the user's sessions. Raises NotFoundError."""
        name = name.lower()
        change = update(models.users).where(models.users.c.name == name)
        async with self._db.write() as session:
            result = await session.execute(change.values(password=password))
            if result.rowcount == 0:
                raise NotFoundError(f"没有用户 {name} / no such user")
            await session.execute(delete(models.sessions).where(models.sessions.c.user == name))
            await self._audit.record(session, actor, "user.password", name)

    # Sessions

    async def open_session(self, hash_: str, user: str, address: str) -> None:
        """Sign a user in from an address."""
        now = self._clock.wall()
        values = {
            "hash": hash_,
            "user": user.lower(),
            "created": now,
            "seen": now,
            "address": address[:64],
        }
        async with self._db.write() as session:
            # What is over goes here: no task of its own for a few rows a day.
            await session.execute(delete(models.sessions).where(self._is_over(now)))
            await session.execute(insert(models.sessions), values)
            await self._audit.record(session, user, "session.open", user, {"address": address[:64]})

    async def session(self, hash_: str) -> User | None:
        """The user of a session that is not over, if enabled; using it keeps it alive."""
        sessions, users = models.sessions, models.users
        now = self._clock.wall()
        query = (
            select(users, sessions.c.seen)
            .join(sessions, sessions.c.user == users.c.name)
            .where(sessions.c.hash == hash_, ~self._is_over(now), users.c.enabled)
        )
        async with self._db.read() as session:
            row = (await session.execute(query)).mappings().first()
        if row is None:
            return None
        if now - row["seen"] > min(TOUCH, self._settings.session_idle / 4):
            await self._touch(update(sessions).where(sessions.c.hash == hash_).values(seen=now))
        return _user(row)

    async def close_session(self, hash_: str) -> None:
        """Sign out; an unknown session is fine."""
        sessions = models.sessions
        async with self._db.write() as session:
            gone = delete(sessions).where(sessions.c.hash == hash_).returning(sessions.c.user)
            user = (await session.execute(gone)).scalar_one_or_none()
            if user is not None:
                await self._audit.record(session, user, "session.close", user)

    def _is_over(self, now: float) -> ColumnElement[bool]:
        sessions, settings = models.sessions, self._settings
        return (sessions.c.seen <= now - settings.session_idle) | (
            sessions.c.created <= now - settings.session_max
        )

    async def _touch(self, change: Update) -> None:
        """Note a use; who is signed in stays so while the disk is full."""
        try:
            async with self._db.write() as session:
                await session.execute(change)
        except StorageError as error:
            self._report.warning("touch", "last use not noted", error=error.message)

    # Tokens

    async def tokens(self) -> list[Token]:
        """All tokens, oldest first."""
        async with self._db.read() as session:
            rows = await session.execute(select(models.tokens).order_by(models.tokens.c.id))
            return [_token(row._mapping) for row in rows]

    async def add_token(self, hash_: str, name: str, role: Role, actor: str) -> Token:
        """Keep a new token by the hash of its secret."""
        values = {
            "hash": hash_,
            "name": name[:128],
            "role": role.value,
            "actor": actor[:128],
            "created": self._clock.wall(),
        }
        query = insert(models.tokens).values(values).returning(models.tokens)
        async with self._db.write() as session:
            token = _token((await session.execute(query)).mappings().one())
            detail = {"name": token.name, "role": role.value}
            await self._audit.record(session, actor, "token.create", str(token.id), detail)
        return token

    async def token(self, hash_: str) -> Token | None:
        """The token of a secret's hash; None where there is none or it was revoked."""
        tokens = models.tokens
        query = select(tokens).where(tokens.c.hash == hash_)
        async with self._db.read() as session:
            row = (await session.execute(query)).mappings().first()
        if row is None:
            return None
        now = self._clock.wall()
        if row["used"] is None or now - row["used"] > TOUCH:
            await self._touch(update(tokens).where(tokens.c.hash == hash_).values(used=now))
        return _token(row)

    async def revoke_token(self, id_: int, actor: str) -> Token:
        """Delete a token. Raises NotFoundError."""
        tokens = models.tokens
        gone = delete(tokens).where(tokens.c.id == id_).returning(tokens)
        async with self._db.write() as session:
            row = (await session.execute(gone)).mappings().first()
            if row is None:
                raise NotFoundError(f"没有令牌 {id_} / no such token")
            await self._audit.record(
                session, actor, "token.revoke", str(id_), {"name": row["name"]}
            )
        return _token(row)


def _user(row: RowMapping) -> User:
    return User(
        name=row["name"],
        role=Role(row["role"]),
        password=row["password"],
        enabled=row["enabled"],
        created=row["created"],
    )


def _token(row: RowMapping) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        actor=row["actor"],
        created=row["created"],
        used=row["used"],
    )
