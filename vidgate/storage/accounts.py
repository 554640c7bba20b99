"""Users, their sessions, and tokens.

What proves an identity comes in as a hash and is stored as that: argon2id of passwords, SHA-256 of
the long random secrets of sessions and tokens.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from sqlalchemy import ColumnElement, RowMapping, Update, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from vidgate.aio.clock import Clock, SteadyClock
from vidgate.aio.report import Report
from vidgate.errors import ConflictError, NotFoundError, StorageError
from vidgate.model.user import Role
from vidgate.settings.tree import AuthSettings
from vidgate.storage import models
from vidgate.storage.audit import Audit
from vidgate.storage.backlog import Backlog, Run, Write
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """A session that is not on disk yet."""

    hash: str
    user: str
    created: float
    seen: float
    address: str


class Accounts:
    """Reads and writes accounts; every deed of a person leaves an audit row.

    A session ends `session_idle` seconds after its last use, and `session_max` after its start.
    With a `backlog` signing in and out work while the database cannot be written: what they change
    is kept in memory and counts from there until it is on disk.
    """

    def __init__(
        self,
        db: Database,
        settings: AuthSettings | None = None,
        *,
        clock: Clock | None = None,
        backlog: Backlog | None = None,
    ) -> None:
        self._db = db
        self._backlog = backlog
        self._kept: dict[str, _Session] = {}  # opened, and not on disk yet
        self._closed: set[str] = set()  # closed, and still there on disk
        self._seen: dict[str, float] = {}  # used later than the disk says
        self._audit = Audit(db)
        self._settings = settings or AuthSettings()
        self._clock = clock or db.clock
        self._steady = SteadyClock(self._clock)  # by which sessions age
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

    async def set_password(self, name: str, password: str, actor: str) -> list[str]:
        """Set a password hash and end the user's sessions: their hashes. Raises NotFoundError."""
        name, sessions = name.lower(), models.sessions
        change = update(models.users).where(models.users.c.name == name)
        gone = delete(sessions).where(sessions.c.user == name).returning(sessions.c.hash)
        async with self._db.write() as session:
            result = await session.execute(change.values(password=password))
            if result.rowcount == 0:
                raise NotFoundError(f"没有用户 {name} / no such user")
            ended = list((await session.execute(gone)).scalars())
            await self._audit.record(session, actor, "user.password", name)
        kept = [hash_ for hash_, one in self._kept.items() if one.user == name]
        for hash_ in kept:
            self._kept.pop(hash_)
        return ended + kept

    # Sessions

    async def open_session(self, hash_: str, user: str, address: str) -> None:
        """Sign a user in from an address."""
        now, signed_in = self._steady.wall(), self._clock.wall()
        opened = _Session(
            hash=hash_, user=user.lower(), created=now, seen=now, address=address[:64]
        )
        self._kept[hash_] = opened
        try:
            await self._write(
                lambda session: self._write_open(session, opened, signed_in),
                f"session.open {user} {address}",
                lambda: self._kept.pop(hash_, None),
            )
        except BaseException:
            self._kept.pop(hash_, None)
            raise

    async def _write_open(
        self, session: AsyncConnection, opened: _Session, signed_in: float
    ) -> None:
        # What is over goes here: no task of its own for a few rows a day.
        over = self._is_over(opened.created) & models.sessions.c.hash.not_in(self._seen)
        await session.execute(delete(models.sessions).where(over))
        if opened.hash in self._kept:  # else it was closed before it got here
            await session.execute(insert(models.sessions), asdict(opened))
        await self._audit.record(
            session,
            opened.user,
            "session.open",
            opened.user,
            {"address": opened.address},
            time=signed_in,
        )

    async def session(self, hash_: str) -> User | None:
        """The user of a session that is not over, if enabled; using it keeps it alive."""
        if hash_ in self._closed:
            return None
        sessions, users = models.sessions, models.users
        query = (
            select(users, sessions.c.created.label("opened"), sessions.c.seen)
            .join(sessions, sessions.c.user == users.c.name)
            .where(sessions.c.hash == hash_, users.c.enabled)
        )
        async with self._db.read() as session:
            row = (await session.execute(query)).mappings().first()
        if row is None:
            return await self._kept_session(hash_)
        now, seen = self._steady.wall(), max(row["seen"], self._seen.get(hash_, 0.0))
        if not self._stands(row["opened"], seen, now):
            return None
        if now - seen > min(TOUCH, self._settings.session_idle / 4):
            self._seen[hash_] = now
            change = update(sessions).where(sessions.c.hash == hash_).values(seen=now)
            if await self._touch(change):
                self._seen.pop(hash_, None)
        return _user(row)

    async def _kept_session(self, hash_: str) -> User | None:
        kept, now = self._kept.get(hash_), self._steady.wall()
        if kept is None or not self._stands(kept.created, kept.seen, now):
            return None
        user = await self.user(kept.user)
        if user is None or not user.enabled:
            return None
        if hash_ in self._kept:
            self._kept[hash_] = replace(kept, seen=now)
        return user

    async def close_session(self, hash_: str) -> None:
        """Sign out; an unknown session is fine."""
        now = self._clock.wall()
        kept = self._kept.pop(hash_, None)
        user = kept.user if kept else None
        self._closed.add(hash_)
        try:
            await self._write(
                lambda session: self._write_close(session, hash_, user, now),
                f"session.close {user or ''}",
                lambda: self._closed.discard(hash_),
            )
        except BaseException:
            self._closed.discard(hash_)
            raise

    async def _write_close(
        self, session: AsyncConnection, hash_: str, user: str | None, now: float
    ) -> None:
        sessions = models.sessions
        gone = delete(sessions).where(sessions.c.hash == hash_).returning(sessions.c.user)
        user = (await session.execute(gone)).scalar_one_or_none() or user
        if user is not None:
            await self._audit.record(session, user, "session.close", user, time=now)

    def _is_over(self, now: float) -> ColumnElement[bool]:
        sessions, settings = models.sessions, self._settings
        return (sessions.c.seen <= now - settings.session_idle) | (
            sessions.c.created <= now - settings.session_max
        )

    def _stands(self, created: float, seen: float, now: float) -> bool:
        """A session of the future was opened before the clock was put back: not for ever."""
        settings = self._settings
        return now - seen < settings.session_idle and (
            -settings.session_idle < now - created < settings.session_max
        )

    async def _write(self, run: Run, what: str, written: Callable[[], object]) -> None:
        """Write now; where the disk refuses, later. Raises StorageError where too much waits."""
        try:
            async with self._db.write() as session:
                await run(session)
        except StorageError:
            if self._backlog is None or not self._backlog.add(Write(run, what, written)):
                raise
        else:
            written()

    async def _touch(self, change: Update) -> bool:
        """Note a use; who is signed in stays so while the disk is full."""
        try:
            async with self._db.write() as session:
                await session.execute(change)
        except StorageError as error:
            self._report.warning("touch", "last use not noted", error=error.message)
            return False
        return True

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
        return await self._find_token(models.tokens.c.hash == hash_)

    async def token_by_id(self, id_: int) -> Token | None:
        """The token of a number; None where there is none or it was revoked."""
        return await self._find_token(models.tokens.c.id == id_)

    async def _find_token(self, which: ColumnElement[bool]) -> Token | None:
        tokens = models.tokens
        query = select(tokens).where(which)
        async with self._db.read() as session:
            row = (await session.execute(query)).mappings().first()
        if row is None:
            return None
        now = self._clock.wall()
        if row["used"] is None or now - row["used"] > TOUCH:
            _ = await self._touch(update(tokens).where(which).values(used=now))
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
