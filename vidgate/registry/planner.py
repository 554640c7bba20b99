"""From rows to one edit: pure planning against the register as it is now."""

import asyncio
import json
import re
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vidgate.errors import NotPermittedError
from vidgate.model.channel import LIFECYCLE_WORDS, Channel, Lifecycle, Login, Platform
from vidgate.registry import routes
from vidgate.registry.departed import Departures
from vidgate.registry.doubts import DEVICE, of_addresses
from vidgate.registry.edits import Credential, Departed, Edit, Pair, key, typed
from vidgate.registry.fields import URLS, problems
from vidgate.registry.inputs import Input, Inputs
from vidgate.registry.places import Place
from vidgate.registry.points import Points
from vidgate.registry.rows import ParsedRow
from vidgate.registry.twins import Twins
from vidgate.registry.url_forms import UrlForms
from vidgate.storage.database import CHUNK
from vidgate.storage.secrets import SecretBox

Mistakes = list[tuple[str, str]]
STEP = 1000  # channels of an edit that are entered at once
NEEDS_ACCEPTANCE = "改为“在用”要有验收权限，请管理员执行 channel approve"
SHOWN = 5  # channels that a refusal names


@dataclass(frozen=True, slots=True)
class Register:
    """The whole register at one moment; never changed, only replaced."""

    channels: Mapping[str, Channel] = field(default_factory=dict)  # by lower-case id, in order
    platforms: Mapping[str, Platform] = field(default_factory=dict)
    credentials: Mapping[str, Credential] = field(default_factory=dict)
    departed: Mapping[str, Departed] = field(default_factory=dict)  # by lower-case id

    def inputs(self, forms: UrlForms) -> Inputs:
        """What tells which camera inputs channels name."""
        resolved = [one.id for one in self.platforms.values() if one.resolver != "static"]
        return Inputs(forms, resolved)

    def next_number(self) -> int:
        """The register number of the next new channel."""
        return max((channel.number for channel in self.channels.values()), default=0) + 1

    def after(self, edit: Edit) -> "Register":
        """The register once the edit is made."""
        steps = self.growing(edit)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                made: Register = end.value
                return made

    def growing(self, edit: Edit) -> Generator[None, None, "Register"]:
        """The same in steps, between which the event loop may have its turn."""
        channels = dict(self.channels)
        yield
        is_sorted, last = True, self.next_number() - 1
        for start in range(0, len(edit.channels), STEP):
            pairs = edit.channels[start : start + STEP]
            _apply(channels, ((key(_any(pair).id), pair) for pair in pairs))
            for pair in pairs:
                if pair.before is None and pair.after is not None:
                    is_sorted &= pair.after.number > last
                    last = pair.after.number
            yield
        if not is_sorted:  # an undo brings channels back to where they were
            channels = dict(sorted(channels.items(), key=lambda item: item[1].number))
            yield
        platforms = dict(self.platforms)
        _apply(platforms, ((_any(pair).id, pair) for pair in edit.platforms))
        credentials = dict(self.credentials)
        _apply(credentials, ((_any(pair).name, pair) for pair in edit.credentials))
        departed = dict(self.departed)
        _apply(departed, ((_any(pair).key, pair) for pair in edit.departed))
        return Register(channels, platforms, credentials, departed)


def _any(pair: Pair[Any]) -> Any:
    return pair.before if pair.after is None else pair.after


def _apply(things: dict[str, Any], pairs: Iterable[tuple[str, Pair[Any]]]) -> None:
    for name, pair in pairs:
        if pair.after is None:
            things.pop(name, None)
        else:
            things[name] = pair.after


@dataclass(slots=True)
class _Needs:
    """What one row needs beside its channel, made only when the whole row is good."""

    platform: Platform | None = None
    credential: Credential | None = None


class Planner:
    """Takes rows one by one; what is wrong with a row is returned, what is right is planned."""

    def __init__(
        self,
        register: Register,
        box: SecretBox,
        now: float,
        forms: UrlForms | None = None,
        place: Place | None = None,
    ) -> None:
        self.edit = Edit()
        self.may_accept = True  # whether channels may be moved to `accepted`
        self.awaiting: dict[str, str] = {}  # who may not for want of it, by id; and why
        self.unchanged = 0
        self._register = register
        self._box = box
        self._now = now
        self._forms = forms or UrlForms()
        self._place = place or Place()
        self._number = register.next_number()
        self._seen: dict[str, str] = {}
        self._inputs = register.inputs(self._forms)
        self._twins = Twins(self._inputs)
        self._points = Points()
        self._codes: dict[str, list[Channel]] = {}
        for channel in register.channels.values():
            if channel.gb_code:
                self._codes.setdefault(channel.gb_code, []).append(channel)
        self._platforms = {platform.name: platform.id for platform in register.platforms.values()}
        self._platforms |= {id_: id_ for id_ in register.platforms}
        self._departed = Departures(register.departed)
        self._waiting: dict[Input, Channel] = {}  # not delivered yet, by what they name
        self._credentials = dict(register.credentials)
        self._logins = {one.login: one.name for one in register.credentials.values()}

    @property
    def seen(self) -> Mapping[str, str]:
        """The keys of all rows taken, and where each was."""
        return self._seen

    async def learn_places(self) -> None:
        """Look where the registered channels are, to tell rows that may be the same place."""
        channels = list(self._register.channels.values())
        for start in range(0, len(channels), CHUNK):
            self._points.learn(channels[start : start + CHUNK])
            self._twins.learn(channels[start : start + CHUNK])
            await asyncio.sleep(0)

    async def learn_waiting(self) -> None:
        """Look which cameras wait for acceptance: no new channel of theirs may begin accepted."""
        if self.may_accept:
            return
        for number, channel in enumerate(list(self._register.channels.values())):
            if number % CHUNK == 0:
                await asyncio.sleep(0)
            if not channel.lifecycle.is_delivered:
                self._waiting |= dict.fromkeys(self._inputs.of(channel), channel)

    async def forget(self) -> None:
        """Let go of what only rows need: to free all of it at once would hold the loop."""
        await asyncio.sleep(0)
        self._points = Points()
        await asyncio.sleep(0)
        self._twins = Twins()
        await asyncio.sleep(0)

    def take(self, row: ParsedRow, where: str = "") -> Mistakes:
        """Plan a row; `where` names it for a later row that repeats its id.

        Returns all its mistakes, those of parsing included; then nothing of it is planned.
        What is only doubtful is added to the row's warnings.
        """
        mistakes = list(row.mistakes)
        if any(not name for name, _ in mistakes):  # about the row as a whole: no cell is sure
            return mistakes
        current = self._find(row.values, mistakes)
        values = {name: value for name, value in row.values.items() if name != "id"}
        needs = _Needs()
        self._resolve_platform(values, needs)
        self._resolve_credential(values, row.login, current, needs, mistakes)
        name = current.id if current else row.values.get("id") or row.values.get("gb_code")
        _require(name, current, values, mistakes)
        mistakes += self._place.mistakes(values, current)
        if name:
            first = self._seen.setdefault(key(name), where)
            if first != where:
                mistakes.append(("id", f"与{first}的通道编号重复"))
            elif where:
                row.warnings += self._shared(name, values, where, current)
        if name and not mistakes:
            mistakes += self._plan(current, name, typed(values), needs)
            if where and not mistakes:
                row.warnings += self._doubts(current, name, values)
        return mistakes

    def _find(self, values: Mapping[str, Any], mistakes: Mistakes) -> Channel | None:
        """The registered channel that a row is about: by id, else by its gb_code."""
        if values.get("id"):
            return self._register.channels.get(key(values["id"]))
        code = values.get("gb_code")
        if not code:
            return None
        found = self._codes.get(code, [])
        if len(found) > 1:
            ids = "、".join(channel.id for channel in found[:3])
            mistakes.append(("gb_code", f"有 {len(found)} 个通道用此编码（{ids}），请填通道编号"))
            return None
        return found[0] if found else self._register.channels.get(key(code))

    def _shared(
        self, name: str, values: Mapping[str, Any], where: str, current: Channel | None
    ) -> Mistakes:
        return self._twins.of(name, values, where, current) + self._points.of(name, values, current)

    def _doubts(self, current: Channel | None, name: str, values: Mapping[str, Any]) -> Mistakes:
        """The doubts that a row gives rise to: those of a registered channel were told then."""
        is_device = not DEVICE.isdisjoint(values)
        if not self._forms or not (is_device or not values.keys().isdisjoint(URLS)):
            return []
        said = typed(values)
        channel = replace(current, **said) if current else Channel(**{**said, "id": name})
        found = of_addresses(channel, self._register.platforms.get(channel.platform), self._forms)
        return [one for one in found if one[0] in values or (is_device and one[0] in DEVICE)]

    def _resolve_platform(self, values: dict[str, Any], needs: _Needs) -> None:
        wanted = values.get("platform")
        if not wanted:
            return
        known = self._platforms.get(wanted)
        if known is None:
            needs.platform = Platform(id=wanted, name=wanted)
        values["platform"] = known or wanted

    def _resolve_credential(
        self,
        values: dict[str, Any],
        login: Login | None,
        current: Channel | None,
        needs: _Needs,
        mistakes: Mistakes,
    ) -> None:
        wanted = values.get("credential")
        if wanted and wanted not in self._credentials:
            mistakes.append(("credential", f"没有名为 {wanted} 的凭据，请先用 credential set 登记"))
        elif wanted and login and self._credentials[wanted].login != login:
            mistakes.append(("credential", "地址里的用户名或口令与该凭据不同，请只填一处"))
        elif login and not wanted:
            held = self._credentials.get(current.credential) if current else None
            if held is None or held.login != login:
                values["credential"] = self._name_login(login, needs)

    def _name_login(self, login: Login, needs: _Needs) -> str:
        """The name under which a login from an address is kept; the same login, the same name."""
        if login in self._logins:
            return self._logins[login]
        readable = re.sub(r"[^A-Za-z0-9._-]+", "", login.username)[:24] or "login"
        name = f"{readable}-{self._box.fingerprint(login.username, login.password)}"
        while name in self._credentials:  # given to this login before its password was changed
            name += "x"
        needs.credential = sealed_credential(self._box, name, login, self._now)
        return name

    def _plan(
        self, current: Channel | None, id_: str, values: Mapping[str, Any], needs: _Needs
    ) -> Mistakes:
        if current is None:
            channel = Channel(**{**values, "id": id_, "number": self._number})
        elif all(getattr(current, name) == value for name, value in values.items()):
            self.unchanged += 1
            return []
        else:
            channel = replace(current, **values, revision=current.revision + 1)
        known = self._problems(current) if current else []  # by older rules, or of its platform
        found = [one for one in self._problems(channel) if one not in known]
        mistakes = self._step(current, channel) + found
        if mistakes:
            return mistakes
        self._accept(needs)
        if current is None:
            self._number += 1
        self.edit.channels.append(Pair(current, channel))
        return []

    def _step(self, current: Channel | None, channel: Channel) -> Mistakes:
        """Whether the lifecycle may go that way. A new channel begins where its row says."""
        if current is not None and not current.lifecycle.may_become(channel.lifecycle):
            before, after = LIFECYCLE_WORDS[current.lifecycle], LIFECYCLE_WORDS[channel.lifecycle]
            return [("lifecycle", f"不能由“{before}”改为“{after}”")]
        if channel.lifecycle is not Lifecycle.ACCEPTED or self.may_accept:
            return []
        if current is None:
            why = self._was_submitted(channel)
        else:
            why = "" if current.lifecycle is Lifecycle.ACCEPTED else NEEDS_ACCEPTANCE
        if not why:
            return []
        self.awaiting[channel.id] = why
        return [("lifecycle", why)]

    def _was_submitted(self, channel: Channel) -> str:
        """Why a new channel may not begin accepted; empty where it may."""
        former = self._departed.former(channel, self._inputs)
        if former is not None:
            same = "" if former.key == key(channel.id) else f"与移除的通道 {former.key} 是同一路，"
            return f"{same}移除前曾是“{LIFECYCLE_WORDS[former.lifecycle]}”，{NEEDS_ACCEPTANCE}"
        for other in self._codes.get(channel.gb_code, ()):
            if other.platform == channel.platform and not other.lifecycle.is_delivered:
                return f"与未验收的通道 {other.id} 的平台和国标编码相同，{NEEDS_ACCEPTANCE}"
        for one in self._inputs.of(channel) if self._waiting else ():
            if one in self._waiting:
                other = self._waiting[one]
                return f"与未验收的通道 {other.id} 是同一路摄像机，{NEEDS_ACCEPTANCE}"
        return ""

    def check_acceptance(self) -> None:
        """Raise NotPermittedError where a row was refused for want of the permission."""
        if not self.awaiting:
            return
        some = "、".join(list(self.awaiting)[:SHOWN])
        count = len(self.awaiting)
        more = f"等 {count} 个通道" if count > SHOWN else ""
        why = NEEDS_ACCEPTANCE if count > 1 else self.awaiting[some]
        raise NotPermittedError(
            f"{some}{more}: {why} / acceptance needs the permission",
            hint="请管理员执行 channel approve",
        )

    def _problems(self, channel: Channel) -> Mistakes:
        platform = self._register.platforms.get(channel.platform)
        is_resolved = platform is not None and platform.resolver != "static"
        found = problems(channel, is_resolved=is_resolved)
        # Without a table of forms nothing can be said of makes.
        return found + (routes.mistakes(channel, platform, self._forms) if self._forms else [])

    def _accept(self, needs: _Needs) -> None:
        if needs.platform is not None:
            self._platforms[needs.platform.id] = needs.platform.id
            self.edit.platforms.append(Pair(None, needs.platform))
        if needs.credential is not None:
            self._credentials[needs.credential.name] = needs.credential
            self._logins[needs.credential.login] = needs.credential.name
            self.edit.credentials.append(Pair(None, needs.credential))

    def remove_unseen(self) -> None:
        """Plan the removal of every channel that no row was about."""
        for name, channel in self._register.channels.items():
            if name not in self._seen:
                self.edit.channels.append(Pair(channel, None))


def _require(
    name: str | None, current: Channel | None, values: Mapping[str, Any], mistakes: Mistakes
) -> None:
    """Every channel has a name and an id; a mistake in one of them is told once."""
    wrong = {field for field, _ in mistakes}
    if not name and not wrong & {"id", "gb_code"}:
        mistakes.append(("id", "通道编号和国标编码至少填一个"))
    is_unnamed = "name" in values if current else True
    if is_unnamed and not values.get("name") and "name" not in wrong:
        mistakes.append(("name", "通道要有名称"))


def sealed_credential(
    box: SecretBox, name: str, login: Login, now: float, patterns: Mapping[str, str] | None = None
) -> Credential:
    """A credential ready for the database; `patterns` as in `edits.PATTERNS`."""
    sealed = box.seal(json.dumps([login.username, login.password]), f"credential:{name}")
    return Credential(name=name, login=login, sealed=sealed, changed=now, **(patterns or {}))


def opened_credential(
    box: SecretBox,
    name: str,
    sealed: bytes,
    changed: float,
    patterns: Mapping[str, str] | None = None,
) -> Credential:
    """The credential of a database row. Raises StorageError where the key does not fit."""
    username, password = json.loads(box.open(sealed, f"credential:{name}"))
    login = Login(username, password)
    return Credential(name=name, login=login, sealed=sealed, changed=changed, **(patterns or {}))


async def give_pinyin(edit: Edit, keys: Mapping[str, str]) -> None:
    """Give channels whose name is new their search keys; `keys` is by name."""
    for index, pair in enumerate(edit.channels):
        if pair.after is not None and pair.after.name in keys:
            after = replace(pair.after, pinyin=keys[pair.after.name])
            edit.channels[index] = Pair(pair.before, after)
        if index % CHUNK == 0:
            await asyncio.sleep(0)


def new_names(edit: Edit) -> list[str]:
    """The names that the register did not have, each once."""
    names = {
        pair.after.name: None
        for pair in edit.channels
        if pair.after is not None and (pair.before is None or pair.before.name != pair.after.name)
    }
    return list(names)
