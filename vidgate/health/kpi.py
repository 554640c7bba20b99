"""KPI definitions as data: what counts, what is left out, and why time was not online.

They are `kpis.yaml` beside this module and a file of the site (setting `history.kpis`). What they
say of a standing is pure.
"""

from enum import Enum, StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vidgate.errors import SettingsError
from vidgate.mistakes import explain
from vidgate.model import incident
from vidgate.model.channel import Lifecycle
from vidgate.model.health import Level, Reason, State
from vidgate.model.standing import Standing

OURS = Path(__file__).with_name("kpis.yaml")
MAX_FILE = 1 << 20
MAIN = "online_time"  # the one that groups are ranked and their missing time explained by


def _labelled(kind: type[State] | type[Level]) -> BeforeValidator:
    words = {one.label: one for one in kind}

    def read(value: Any) -> Any:
        if isinstance(value, str) and value not in words:
            raise ValueError(f"{value}: {', '.join(words)}")
        return words[value] if isinstance(value, str) else value

    return BeforeValidator(read)


AState = Annotated[State, _labelled(State)]
ALevel = Annotated[Level, _labelled(Level)]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Title = Annotated[str, Field(min_length=1, max_length=64)]


class Form(StrEnum):
    """What is averaged."""

    TIME = "time"
    DAYS = "days"
    SNAPSHOT = "snapshot"


class Share(Enum):
    """What a standing is to a KPI."""

    OUTSIDE = "outside"  # not in its population
    LEFT_OUT = "left_out"  # in it, but not counted
    MISSING = "missing"
    ONLINE = "online"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Denominator(_Part):
    """Which time counts."""

    lifecycles: frozenset[Lifecycle] = Field(min_length=1)
    without: frozenset[AState] = frozenset()
    own_downtime: Literal["count", "leave_out"] = "count"
    excused: Literal["count", "leave_out"] = "leave_out"


class Rounding(_Part):
    """How a share is shown as percent."""

    decimals: int = Field(2, ge=0, le=6)
    mode: Literal["down"] = "down"

    def percent(self, share: Fraction) -> str:
        """The share in percent, cut off: only what is whole is shown as 100."""
        scale = 10**self.decimals
        cut = share.numerator * 100 * scale // share.denominator
        whole, part = divmod(cut, scale)
        return f"{whole}.{part:0{self.decimals}}" if self.decimals else str(whole)


class Kpi(_Part):
    """One KPI; see the comment in `kpis.yaml`."""

    id: Id
    version: int = Field(ge=1)
    zh: Title
    en: Title
    form: Form
    numerator: frozenset[AState] = Field(min_length=1)
    denominator: Denominator
    rounding: Rounding = Rounding()

    def share(self, standing: Standing) -> Share:
        """What time spent so is to this KPI."""
        if standing.step not in self.denominator.lifecycles:
            return Share.OUTSIDE
        if standing.reason is None and self.denominator.own_downtime == "leave_out":
            return Share.LEFT_OUT
        if standing.reason is Reason.EXCUSED and self.denominator.excused == "count":
            return Share.MISSING
        if standing.state in self.denominator.without:
            return Share.LEFT_OUT
        return Share.ONLINE if standing.state in self.numerator else Share.MISSING


class Conditions(_Part):
    """What must hold of a standing, all of it; see the comment in `kpis.yaml`."""

    states: frozenset[AState] = frozenset()
    reasons: frozenset[Reason] = frozenset()
    platform: bool | None = None
    reached: ALevel | None = None
    own_downtime: bool = False
    incidents: frozenset[incident.Cause] = frozenset()

    def hold(self, standing: Standing, *, has_platform: bool) -> bool:
        """Whether they do, of a channel behind a platform or not."""
        return (
            self.own_downtime is (standing.reason is None)
            and (not self.states or standing.state in self.states)
            and (not self.reasons or standing.reason in self.reasons)
            and (self.platform is None or has_platform is self.platform)
            and (self.reached is None or standing.level <= self.reached)
            and (not self.incidents or standing.incident in self.incidents)
        )


class Cause(Conditions):
    """Why time was not online."""

    id: Id
    version: int = Field(1, ge=1)
    zh: Title
    en: Title
    any_of: tuple[Conditions, ...] = Field((), max_length=20)

    def fits(self, standing: Standing, *, has_platform: bool) -> bool:
        """Whether the standing of a channel (behind a platform or not) is of this cause."""
        if self.takes_all:
            return True
        held = (one.hold(standing, has_platform=has_platform) for one in self.any_of)
        return self.hold(standing, has_platform=has_platform) and (not self.any_of or any(held))

    @property
    def takes_all(self) -> bool:
        """Whether there is no condition."""
        return not self.model_fields_set - {"id", "version", "zh", "en"}


class _File(_Part):
    kpis: list[Kpi] = Field(default_factory=list, max_length=50)
    causes: list[Cause] = Field(default_factory=list, max_length=50)


class Definitions:
    """All KPIs by their ids, and the causes in order."""

    def __init__(self, kpis: dict[str, Kpi], causes: tuple[Cause, ...]) -> None:
        self.kpis = kpis
        self.causes = causes

    @property
    def main(self) -> Kpi:
        """The KPI that groups are ranked by."""
        return self.kpis[MAIN]

    def cause(self, standing: Standing, *, has_platform: bool) -> Cause:
        """Why time spent so is not online."""
        return next(one for one in self.causes if one.fits(standing, has_platform=has_platform))


def load_definitions(site: str = "") -> Definitions:
    """Ours, and those of the site's file, which win. Raises SettingsError."""
    files = [_read(OURS), *([_read(Path(site))] if site else [])]
    kpis = {kpi.id: kpi for file in files for kpi in file.kpis}
    causes = next(file.causes for file in reversed(files) if file.causes)
    last = causes[-1]
    if not last.takes_all:
        raise SettingsError(
            f"history.kpis: 最后一个原因 {last.id} 不能有条件 / the last cause takes what is left"
        )
    if kpis[MAIN].form is not Form.TIME:
        raise SettingsError(f"history.kpis: {MAIN} 的 form 应为 time / must be of form time")
    return Definitions(kpis, tuple(causes))


def _read(file: Path) -> _File:
    try:
        if file.stat().st_size > MAX_FILE:
            raise SettingsError(f"history.kpis: {file} 太大 / too large")
        found = _File.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except OSError as error:
        raise SettingsError(f"history.kpis: {file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"history.kpis: {file}: {error}") from None
    except ValidationError as error:
        raise SettingsError(f"history.kpis: {file}: {explain(error)}") from None
    for ids in ([kpi.id for kpi in found.kpis], [cause.id for cause in found.causes]):
        if twice := next((id_ for id_ in ids if ids.count(id_) > 1), ""):
            raise SettingsError(f"history.kpis: {file}: {twice} 写了两次 / stands there twice")
    return found
