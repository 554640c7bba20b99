"""Models of the API: the register, and what all share; others stand beside their handlers."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from vidgate.model.declared import Difference
from vidgate.web.declared import ComparisonView
from vidgate.web.health import HealthView

Name = Field(min_length=1, max_length=128)


class Body(BaseModel):
    """A request's body: an unknown field is an error, for it may be a misspelt one."""

    model_config = ConfigDict(extra="forbid")


class ProblemPlace(BaseModel):
    """One thing that is wrong, and where in the document that was sent (RFC 6901)."""

    detail: str
    pointer: str


class Problem(BaseModel):
    """RFC 9457, with a stable `code`; `errors` where a place can be named."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    errors: list[ProblemPlace] = []


class ChannelItem(BaseModel):
    """A channel in a list. `since` is wall-clock seconds, `number` the register order.

    `declared_status`: what its platform says; `differs`: in what that or the register contradicts
    what is measured.
    """

    id: str
    name: str
    number: int
    state: str
    reason: str
    since: float
    level: str
    kind: str
    platform: str
    department: str
    area: str
    lifecycle: str
    enabled: bool
    pinyin: str
    tags: list[str]
    has_sub: bool
    declared_status: str | None
    differs: list[Difference]


class ChannelList(BaseModel):
    """`total` counts all that match; `items` may be a page of them."""

    total: int
    items: list[ChannelItem]


Text = str | int | float | None


class ChannelFields(Body):
    """The columns of the register that can be set; an empty text clears one."""

    name: Text = None
    gb_code: Text = None
    kind: Text = None
    url: Text = None
    sub_url: Text = None
    vendor: Text = None
    address: Text = None
    port: Text = None
    channel_no: Text = None
    username: Text = None
    password: SecretStr | None = None
    credential: Text = None
    platform: Text = None
    department: Text = None
    area: Text = None
    point: Text = None
    point_class: Text = None
    industry: Text = None
    longitude: Text = None
    latitude: Text = None
    lifecycle: Text = None
    tags: Text | list[str] = None
    enabled: bool | Text = None
    transport: Text = None
    declared_status: Text = None
    declared_codec: Text = None
    declared_resolution: Text = None
    declared_fps: Text = None

    def given(self) -> dict[str, Any]:
        """The fields that were sent, as the register takes them."""
        fields = self.model_dump(exclude_unset=True)
        if self.password is not None:
            fields["password"] = self.password.get_secret_value()
        return fields


class NewChannel(ChannelFields):
    """`id` may be left out where there is a `gb_code`."""

    id: Text = None


class BulkEdit(Body):
    """The same for many channels, as one change; `dry_run` only tells what it would do.

    `revisions` (by id, from a dry run): none of these channels was changed by somebody else since.
    """

    ids: list[str] = Field(min_length=1, max_length=20_000)
    revisions: dict[str, int] = Field(default_factory=dict, max_length=20_000)
    fields: ChannelFields = Field(default_factory=ChannelFields)
    add_tags: list[str] = Field(default_factory=list, max_length=20)
    remove_tags: list[str] = Field(default_factory=list, max_length=20)
    dry_run: bool = False


class TransportView(BaseModel):
    """How a stream was reached last, and why not by TCP as usual, or by TCP again."""

    variant: str
    transport: str
    reason: str


class DoubtView(BaseModel):
    """What is doubtful about a field, and what is done about it; refuses nothing."""

    field: str
    message: str


class ChannelView(BaseModel):
    """Everything about a channel but its password.

    Addresses and `warnings` are empty for who may not edit. What is declared is what a platform or
    a register says (a size as `1920x1080`, or `4MP`): the state is made without it.
    """

    id: str
    name: str
    number: int
    revision: int
    gb_code: str
    kind: str
    url: str
    sub_url: str
    vendor: str
    address: str
    port: int | None
    channel_no: str
    credential: str
    platform: str
    department: str
    area: str
    point: str
    point_class: str
    industry: str
    longitude: float | None
    latitude: float | None
    lifecycle: str
    tags: list[str]
    enabled: bool
    transport: str
    declared_status: str | None
    declared_codec: str | None
    declared_resolution: str
    declared_fps: float | None
    pinyin: str
    has_sub: bool
    state: str
    reason: str
    since: float
    level: str
    health: HealthView
    comparison: list[ComparisonView]
    transports: list[TransportView]
    warnings: list[DoubtView]


class ImportErrorView(BaseModel):
    """One cell that cannot be taken, and how to put it right."""

    sheet: str
    row: int
    column: str
    value: str
    message: str


class FoldedView(BaseModel):
    """`count` more warnings like `message`."""

    column: str
    message: str
    count: int


class ImportReportView(BaseModel):
    """`change` is null when nothing was written; `warnings` refuse no row.

    Of each kind of warning the first are listed; `more` counts the others. `lifecycles` counts the
    enabled channels that were created or updated, by the step that they came to.
    """

    change: int | None
    created: int
    updated: int
    unchanged: int
    removed: int
    rejected: int
    lifecycles: dict[str, int]
    errors: list[ImportErrorView]
    warnings: list[ImportErrorView]
    more: list[FoldedView]


class HistoryView(BaseModel):
    """What one change did to a channel: `before` and `after` hold the fields that differ."""

    change: int
    cause: str
    time: float
    actor: str
    source: str
    undone_by: int | None
    kind: str
    id: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class HistoryList(BaseModel):
    """The changes of one channel, newest first."""

    items: list[HistoryView]


class ChangeView(BaseModel):
    """One change of the register."""

    id: int
    time: float
    actor: str
    action: str
    source: str
    created: int
    updated: int
    removed: int
    undoes: int | None
    undone_by: int | None


class ChangeRowView(BaseModel):
    """What a change did to one thing: the fields that differ; null before: it was created."""

    kind: str
    id: str
    action: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class BulkReportView(BaseModel):
    """What a bulk edit did or would do; `change` is null when nothing was written.

    `revisions`: what the channels that change had before, by id.
    """

    change: int | None
    updated: int
    unchanged: int
    revisions: dict[str, int]
    rows: list[ChangeRowView]


class ChangeDetail(ChangeView):
    """A change with all its rows."""

    rows: list[ChangeRowView]


class ChangeList(BaseModel):
    """The newest first."""

    items: list[ChangeView]


class ProbeRequest(Body):
    """Exactly one of `ids`, `department` and `all`."""

    ids: list[str] | None = Field(None, min_length=1, max_length=20_000)
    department: str | None = Field(None, min_length=1, max_length=128)
    all: bool = False
    level: Literal["describe", "media"] = "describe"


class Overview(BaseModel):
    """The fleet in numbers; `counted`: delivered, accepted and enabled channels.

    `states` counts accepted channels only; the others are in `lifecycles`.
    """

    total: int
    counted: int
    up: int
    states: dict[str, int]
    lifecycles: dict[str, int]
    viewers: int
    streams: int


class StreamView(BaseModel):
    """A live stream; counters since it began, ages in seconds.

    `source` is the channel whose pictures it shows: another one of the same point stands in, for
    `source_reason`, since `source_since` (wall-clock seconds). `lossy`: pictures were lost of late
    on their way from the camera, and what is shown may have faults.
    """

    name: str
    source: str
    source_reason: str
    source_since: float | None
    variant: str
    state: str
    reason: str
    lossy: bool
    viewers: int
    codecs: list[str]
    frames: int
    key_frames: int
    bytes: int
    reconnects: int
    frame_age: float | None
    key_frame_age: float | None


class StreamList(BaseModel):
    """All live streams."""

    items: list[StreamView]
