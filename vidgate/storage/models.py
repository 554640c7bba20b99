"""The tables. Instants are wall-clock seconds since the epoch; JSON is compact UTF-8 text.

A change here needs a step in `migrations/versions`; a test compares the two.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)

platforms = Table(
    "platforms",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("slots", Integer, nullable=False),
    Column("describe_parallel", Integer, nullable=False),
    Column("quota", Integer, nullable=False),
    Column("describe_proves", Boolean, nullable=False),
    Column("resolver", String(32), nullable=False),
    Column("options", JSON, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("username", String(128), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # secrets.SecretBox, bound to the name
    Column("changed", Float, nullable=False),
    # For which channels without a credential of their own; all empty: for none.
    Column("platform", String(64), nullable=False, server_default=""),
    Column("host", String(255), nullable=False, server_default=""),
    Column("vendor", String(64), nullable=False, server_default=""),
)

channels = Table(
    "channels",
    metadata,
    Column("key", String(64), primary_key=True),  # the id in lower case: unique ignoring case
    Column("id", String(64), nullable=False),
    Column("number", Integer, nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("name", String(128), nullable=False),
    Column("gb_code", String(20), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("url", Text, nullable=False),
    Column("sub_url", Text, nullable=False),
    Column("vendor", String(64), nullable=False),
    Column("address", String(255), nullable=False),
    Column("port", Integer),
    Column("channel_no", String(32), nullable=False),
    Column("credential", ForeignKey("credentials.name")),
    Column("platform", ForeignKey("platforms.id")),
    Column("department", String(128), nullable=False),
    Column("area", String(128), nullable=False),
    Column("point", String(64), nullable=False),
    Column("point_class", String(8), nullable=False),
    Column("industry", String(64), nullable=False),
    Column("longitude", Float),
    Column("latitude", Float),
    Column("lifecycle", String(16), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("transport", String(8), nullable=False),
    Column("pinyin", Text, nullable=False),
    # What a platform or a register says of it; NULL where nobody does.
    Column("declared_status", String(16)),
    Column("declared_codec", String(16)),
    Column("declared_resolution", String(16), nullable=False, server_default=""),
    Column("declared_fps", Float),
)

departed = Table(
    "departed",
    metadata,
    Column("key", String(64), primary_key=True),  # of a channel that is no longer in the register
    Column("lifecycle", String(16), nullable=False),  # its last one; who was accepted is not here
    Column("gb_code", String(20), nullable=False),
    Column("inputs", JSON, nullable=False, server_default="[]"),  # [kind, value] of its camera
)

changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("time", Float, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(32), nullable=False),
    Column("source", String(255), nullable=False),  # a file name, or what was named
    Column("created", Integer, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
    Column("undoes", ForeignKey("changes.id")),
    Column("undone_by", ForeignKey("changes.id")),
    sqlite_autoincrement=True,  # a change's number is never given again
)

change_rows = Table(
    "change_rows",
    metadata,
    Column("change", ForeignKey("changes.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),  # channel, platform, credential
    Column("object", String(64), nullable=False),
    Column("before", JSON(none_as_null=True)),  # null: it was created
    Column("after", JSON(none_as_null=True)),  # null: it was removed
    Index("ix_change_rows_object", "kind", "object"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("time", Float, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", String(255), nullable=False),
    Column("detail", Text, nullable=False),  # JSON as it was hashed
    Column("hash", String(64), nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password", String(255), nullable=False),  # an argon2id hash
    Column("enabled", Boolean, nullable=False),
    Column("created", Float, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the cookie's opaque value
    Column("user", ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True),
    Column("created", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Column("address", String(64), nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),  # SHA-256 of the token
    Column("name", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("created", Float, nullable=False),
    Column("used", Float),
    sqlite_autoincrement=True,
)

health_now = Table(
    "health_now",
    metadata,
    Column("channel", String(64), primary_key=True),
    Column("state", Integer, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("since", Float, nullable=False),
    Column("level", Integer, nullable=False),
    Column("probed", Float),
    Column("media_seen", Float),
    Column("last_frame", Float),
    Column("good", Integer, nullable=False),
    Column("last", JSON(none_as_null=True)),
    Column("measured", JSON(none_as_null=True)),
    Column("levels", JSON, nullable=False, server_default="{}"),
)

# The past, made small: instants are whole milliseconds, words are the codes of `storage.codes`.

subjects = Table(
    "subjects",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),  # a channel, also one that is gone
)

transitions = Table(
    "transitions",
    metadata,
    Column("subject", Integer, primary_key=True, autoincrement=False),
    Column("time", Integer, primary_key=True, autoincrement=False),
    Column("before", Integer, nullable=False),
    Column("after", Integer, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("step", Integer, nullable=False),  # of the lifecycle; 0: not registered
    sqlite_with_rowid=False,
)

runs = Table(
    "runs",
    metadata,
    Column("began", Integer, primary_key=True, autoincrement=False),
    Column("seen", Integer, nullable=False),  # vidgate was at work until then at least
)

days = Table(
    "days",
    metadata,
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("end", Integer, nullable=False),  # a day is here once all of `day_tallies` is
)

day_tallies = Table(
    "day_tallies",
    metadata,
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("subject", Integer, primary_key=True, autoincrement=False),
    Column("tally", LargeBinary, nullable=False),  # codes.pack_tally
    sqlite_with_rowid=False,
)

forgotten = Table(
    "forgotten",
    metadata,
    Column("what", String(16), primary_key=True),  # transitions
    Column("before", Integer, nullable=False),  # of times before that not all is there
)

results = Table(
    "results",
    metadata,
    Column("subject", Integer, primary_key=True, autoincrement=False),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),  # health.looks
    sqlite_with_rowid=False,
)

switches = Table(
    "switches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("variant", String(8), nullable=False),
    Column("time", Float, nullable=False),
    Column("source", String(64), nullable=False),  # whose pictures the stream shows from then on
    Column("reason", String(32), nullable=False),
    Index("ix_switches_channel", "channel", "time"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cause", String(16), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("opened", Float, nullable=False),
    Column("ended", Float),  # null: something of it still fails
    Column("returns", Integer, nullable=False),
    Column("merged", Integer),  # the incident that took its members over
    Column("asked", Float),  # since when it asks for a person anew
    Index("ix_incidents_ended", "ended"),
)

incident_members = Table(
    "incident_members",
    metadata,
    Column("incident", ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", String(64), primary_key=True),
    Column("since", Float, nullable=False),
    Column("until", Float),
    Column("state", Integer, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("departure", String(16)),  # why it left; null: it did not, or that was not recorded
)

incident_notes = Table(
    "incident_notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident", ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("time", Float, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(16), nullable=False),  # acknowledge, note, close
    Column("text", Text, nullable=False),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("scope", String(16), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("start", Float, nullable=False),
    Column("end", Float),  # null: until further notice
    Column("reason", Text, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("created", Float, nullable=False),
    sqlite_autoincrement=True,  # the audit table names a window by its number
)
