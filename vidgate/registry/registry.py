"""The register: every channel, platform and credential, in memory and in the database.

Memory is what the rest of the service reads; it is replaced, never changed, and only after the
database has taken an edit. Every edit is one transaction with its numbered change and audit row.
"""

import asyncio
from collections.abc import (
    Collection,
    Coroutine,
    Iterable,
    Mapping,
)
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from vidgate.aio import collector
from vidgate.aio.bus import Bus
from vidgate.aio.supervisor import Supervisor
from vidgate.errors import ConflictError, InputError, VidgateError
from vidgate.model.channel import Channel, Login, Platform
from vidgate.model.user import Actor
from vidgate.registry import bulk, changesets, loader, rotation
from vidgate.registry.access import parse_patterns, patterns_of
from vidgate.registry.approvals import Check, Decision
from vidgate.registry.bulk import BulkReport, Wish
from vidgate.registry.changesets import Change, Undo
from vidgate.registry.departed import leave
from vidgate.registry.edits import Credential, Edit, Pair, key
from vidgate.registry.export import Form
from vidgate.registry.fields import BY_NAME, secret, slug, text
from vidgate.registry.files import Files, Runner
from vidgate.registry.importer import (
    MAX_ERRORS,
    Importer,
    ImportReport,
    Manner,
    enter,
    refuse_unread,
)
from vidgate.registry.ledger import Deed, Ledger, announce
from vidgate.registry.marks import Marked
from vidgate.registry.past import Past
from vidgate.registry.pinyin import pinyin_keys
from vidgate.registry.places import Place
from vidgate.registry.planner import (
    Mistakes,
    Planner,
    Register,
    give_pinyin,
    new_names,
    sealed_credential,
)
from vidgate.registry.platforms import check_places, parse_platform
from vidgate.registry.preconditions import NONE, Precondition
from vidgate.registry.resolvers import Permits
from vidgate.registry.rows import parse_row
from vidgate.registry.url_forms import load as load_forms
from vidgate.storage.database import Database
from vidgate.storage.secrets import SecretBox

T = TypeVar("T")
MANY = 20  # chunks of rows: what becomes of so many stands for good


class Registry(Past):
    """`async with Registry(db, secrets, bus, pool.run) as registry:` loads the register.

    `url_forms` is the site's own file of URL forms, `place` where its channels may be. `permits`
    may be set: whether we may connect to an IP address and port; platforms are held against it.

    Writing methods raise InputError (saying what is wrong), NotFoundError, ConflictError or
    StorageError, and then nothing was changed. They finish even if the caller is cancelled.
    """

    def __init__(
        self,
        db: Database,
        secrets: SecretBox,
        bus: Bus,
        worker: Runner,
        url_forms: str = "",
        place: Place | None = None,
    ) -> None:
        self._place = place or Place()
        self.permits: Permits | None = None
        self._files = Files(worker)
        super().__init__(db)
        self._url_forms = url_forms
        self._box = secrets
        self._bus = bus
        self._worker = worker
        self._ledger = Ledger(db)
        self._editing = asyncio.Lock()
        self._tasks = Supervisor("registry")

    async def __aenter__(self) -> Self:
        self._forms = await asyncio.to_thread(load_forms, self._url_forms)
        self._take(await loader.load(self._db, self._box))
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._tasks.__aexit__(kind, error, trace)

    # Writing: one edit at a time.

    async def add(self, fields: Mapping[str, Any], actor: str) -> Channel:
        """Register one channel. ConflictError where the id is taken."""
        return await self._finish(self._add(fields, actor))

    # `given`: what the caller has seen; StaleError where somebody has changed a channel since.

    async def set(
        self, id_: str, fields: Mapping[str, Any], actor: str, *, given: Precondition = NONE
    ) -> Channel:
        """Change fields of one channel; an empty value sets the default."""
        return await self._finish(self._set(id_, fields, actor, given))

    async def set_many(
        self,
        ids: Iterable[str],
        wish: Wish,
        actor: str,
        *,
        dry_run: bool = False,
        given: Precondition = NONE,
    ) -> BulkReport:
        """Change the same fields of many channels as one change: all of them or none."""
        return await self._finish(self._set_many(ids, wish, actor, dry_run, given))

    async def decide(self, decision: Decision, actor: str) -> BulkReport:
        """Accept submitted channels, or send them back, as `set_many`; see `Decision`."""
        decision.permit(may_accept=_may_accept(actor))
        ids, wish = decision.ids, decision.wish
        return await self._finish(self._set_many(ids, wish, actor, False, decision))

    async def remove(self, id_: str, actor: str, *, given: Precondition = NONE) -> None:
        """Remove one channel; `undo` brings it back."""
        await self._finish(self._remove(id_, actor, given))

    async def import_file(
        self,
        name: str,
        data: bytes,
        *,
        dry_run: bool = False,
        partial: bool = False,
        prune: bool = False,
        actor: str,
    ) -> ImportReport:
        """Register the rows of an xlsx or csv file: all of them or, with `partial`, the good ones.

        `prune` also removes the channels that the file does not have, if no row is rejected.
        InputError where the file cannot be read at all, or with `prune` not all of its sheets;
        wrong rows are in the report.
        """
        flags = Manner(dry_run, partial, prune)
        return await self._finish(self._import(name, data, flags, actor))

    async def set_platform(self, id_: str, fields: Mapping[str, Any], actor: str) -> Platform:
        """Change fields of a platform, or make it."""
        return await self._finish(self._set_platform(id_, fields, actor))

    async def set_credential(
        self,
        name: str,
        username: str | None,
        password: str | None,
        actor: str,
        *,
        patterns: Mapping[str, str] | None = None,
    ) -> Credential:
        """Set the login of a credential, or make it; every channel that uses it follows.

        Without a login the old one stays. `patterns` (platform, host, vendor) say which channels it
        is for that name none; only those given change, an empty one says nothing from then on.
        """
        login = None if username is None else (username, password or "")
        return await self._finish(self._set_credential(name, login, patterns or {}, actor))

    async def rotate_key(self, actor: str) -> int:
        """Seal every login with a new key; how many there are. Nothing else notices."""
        return await self._finish(self._rotate_key(actor))

    async def undo(self, number: int, actor: str) -> Change:
        """Take a change back by a new one. ConflictError where a later one touched the same."""
        return await self._finish(self._undo(number, actor))

    # Files that go out.

    async def template(self) -> bytes:
        """The workbook to fill in."""
        return await self._files.template()

    async def export(self, channels: Iterable[Channel], form: Form) -> bytes:
        """A table of these channels, without passwords; an import of it changes nothing."""
        return await self._files.export(channels, form)

    async def mark(self, name: str, data: bytes) -> Marked:
        """The user's own sheets as xlsx, what an import would say written into their cells."""
        parsed = await self._files.read(name, data)
        planner, report = self._planner(), ImportReport()
        await Importer(planner, report, MAX_ERRORS).plan(parsed)
        return await self._files.mark(name, data, report)

    # The edits themselves.

    async def _finish(self, edit: Coroutine[Any, Any, T]) -> T:
        """Run an edit to its end: a caller that goes away must not leave memory behind the disk."""
        value, error = await asyncio.shield(self._tasks.start(_outcome(edit), "edit"))
        if error is not None:
            raise error
        result: T = value
        return result

    def _planner(self, actor: str = "") -> Planner:
        now = self._db.clock.wall()
        planner = Planner(self._register, self._box, now, self._forms, self._place)
        planner.may_accept = _may_accept(actor)
        return planner

    async def _add(self, fields: Mapping[str, Any], actor: str) -> Channel:
        _check_names(fields, BY_NAME.keys())
        async with self._editing:
            row = parse_row(fields)
            name = row.values.get("id") or row.values.get("gb_code") or ""
            if key(name) in self._register.channels:
                raise ConflictError(f"通道 {name} 已登记 / is registered already")
            planner = self._planner(actor)
            # By its own id only: a second channel of the same camera may share the code.
            row.values["id"] = name
            await planner.learn_waiting()
            mistakes = planner.take(row)
            planner.check_acceptance()
            _refuse(mistakes)
            await self._commit(planner.edit, actor, "add", name)
            return self.get(name)

    async def _set(
        self, id_: str, fields: Mapping[str, Any], actor: str, given: Precondition
    ) -> Channel:
        _check_names(fields, BY_NAME.keys() - {"id"})
        async with self._editing:
            channel = self.get(id_)
            given.check([channel])
            row = parse_row(fields, blanks=True)
            row.values["id"] = channel.id
            planner = self._planner(actor)
            mistakes = planner.take(row)
            planner.check_acceptance()
            _refuse(mistakes)
            await self._commit(planner.edit, actor, "set", channel.id)
            return self.get(id_)

    async def _set_many(
        self, ids: Iterable[str], wish: Wish, actor: str, dry_run: bool, given: Check
    ) -> BulkReport:
        async with self._editing:
            channels = {channel.id: channel for channel in map(self.get, ids)}
            given.check(channels.values())
            planner = self._planner(actor)
            report = await bulk.plan(planner, channels.values(), wish)
            if not dry_run:
                named = " ".join(channels)[:255]
                deed = given.deed if isinstance(given, Decision) else ("bulk", named)
                report.change = await self._commit(planner.edit, actor, *deed)
            return report

    async def _remove(self, id_: str, actor: str, given: Precondition) -> None:
        async with self._editing:
            channel = self.get(id_)
            given.check([channel])
            edit = Edit(channels=[Pair(channel, None)])
            await self._commit(edit, actor, "remove", channel.id)

    async def _import(self, name: str, data: bytes, flags: Manner, actor: str) -> ImportReport:
        parsed = await self._files.read(name, data)
        if flags.prune:
            refuse_unread(parsed)
        is_large = len(parsed.chunks) > MANY
        async with self._editing:
            planner = self._planner(actor)
            report = await enter(planner, parsed, flags)
            if not flags.dry_run and report.is_good_for(flags):
                report.change = await self._commit(planner.edit, actor, "import", name)
                if is_large:
                    collector.settle()
            return report

    async def _set_platform(self, id_: str, fields: Mapping[str, Any], actor: str) -> Platform:
        async with self._editing:
            current = self._register.platforms.get(id_)
            platform = parse_platform(id_, current, fields)
            if self.permits is not None:
                check_places(platform, current, self.permits)
            if platform != current:
                edit = Edit(platforms=[Pair(current, platform)])
                await self._commit(edit, actor, "platform", id_)
            return platform

    async def _set_credential(
        self,
        name: str,
        given: tuple[str, str] | None,
        patterns: Mapping[str, str],
        actor: str,
    ) -> Credential:
        async with self._editing:
            current = self._register.credentials.get(name)
            login = _wanted_login(name, given, current)
            asked = parse_patterns(current, patterns)
            if current is not None and (current.login, patterns_of(current)) == (login, asked):
                if given is not None:  # said again: somebody wants it tried again
                    self._bus.publish("credential.changed", name)
                return current
            now = self._db.clock.wall()
            credential = sealed_credential(self._box, name, login, now, asked)
            edit = Edit(credentials=[Pair(current, credential)])
            await self._commit(edit, actor, "credential", name)
            return credential

    async def _rotate_key(self, actor: str) -> int:
        async with self._editing:
            credentials = dict(self._register.credentials)
            told = rotation.progress(self._bus)
            sealed = await rotation.rotate(self._db, self._box, credentials, actor, told)
            self._take(replace(self._register, credentials=sealed))
            return len(sealed)

    async def _undo(self, number: int, actor: str) -> Change:
        async with self._editing:
            now = self._db.clock.wall()
            planner = Undo(self._register, self._box, now, may_accept=_may_accept(actor))
            async with self._db.read() as session:
                await changesets.plan_undo(session, number, planner)
            undo = await self._commit(planner.edit(), actor, "undo", str(number), undoes=number)
            async with self._db.read() as session:
                return await changesets.find(session, undo or 0)

    async def _commit(
        self, edit: Edit, actor: str, action: str, source: str, *, undoes: int | None = None
    ) -> int | None:
        """Write, then believe, then tell. Returns the change's number; None if nothing changes."""
        if undoes is None:  # an undo brings the keys of the names back with them
            names = new_names(edit)
            await give_pinyin(edit, await self._worker(pinyin_keys, names) if names else {})
        inputs = self._register.inputs(self._forms)
        edit.departed = await leave(self._register.departed, edit, inputs)
        register = await _grown(self._register, edit)
        number = await self._ledger.write(edit, Deed(actor, action, source, undoes))
        self._take(register)
        if number is not None:
            await asyncio.sleep(0)
            announce(self._bus, number, edit)
        return number


async def _grown(register: Register, edit: Edit) -> Register:
    steps = register.growing(edit)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            grown: Register = end.value
            return grown
        await asyncio.sleep(0)


async def _outcome(edit: Coroutine[Any, Any, T]) -> tuple[Any, VidgateError | None]:
    """What an edit came to: its own errors are answers, not failures of a task."""
    try:
        return await edit, None
    except VidgateError as error:
        return None, error


def _may_accept(actor: str) -> bool:
    """A plain name is the service itself."""
    return not isinstance(actor, Actor) or actor.may_accept


def _check_names(fields: Mapping[str, Any], allowed: Collection[str]) -> None:
    unknown = [name for name in fields if name not in allowed]
    if unknown:
        raise InputError(
            f"没有或不能设置的字段: {', '.join(unknown)} / no such field",
            hint=f"可用: {', '.join(sorted(allowed))}",
        )


def _refuse(mistakes: Mistakes) -> None:
    if mistakes:
        raise InputError("；".join(f"{name}: {message}" for name, message in mistakes))


def _wanted_login(name: str, given: tuple[str, str] | None, current: Credential | None) -> Login:
    if given is not None:
        return _checked_login(name, *given)
    if current is None:
        raise InputError("新凭据要有用户名和口令 / a new credential needs a login")
    return current.login


def _checked_login(name: str, username: str, password: str) -> Login:
    mistakes = []
    for title, value, parse in (
        ("name", name, slug(64)),
        ("username", username, text(128, exact=True)),
        ("password", password, secret),
    ):
        try:
            if parse(value) != value or (not value and title != "password"):
                mistakes.append((title, "不能为空，首尾不能有空格"))
        except ValueError as error:
            mistakes.append((title, str(error)))
    _refuse(mistakes)
    return Login(username, password)
