"""The steps that bring a database file to the tables of `vidgate.storage.models`."""

import sqlite3
from pathlib import Path

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from vidgate.errors import StorageError

FOLDER = Path(__file__).parent


def head() -> str:
    """The newest step: files are named NNNN_what.py and their revision is NNNN."""
    return max(file.name[:4] for file in (FOLDER / "versions").glob("[0-9]*.py"))


def current(path: Path) -> str | None:
    """The step that a database file is at; None where it has no tables yet."""
    connection = sqlite3.connect(path, timeout=5)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{path}: 不是可用的数据库文件 / {error}") from error
    finally:
        connection.close()
    return str(row[0]) if row else None


def upgrade(path: Path) -> None:
    """Run the missing steps in one transaction each; blocking, meant for a thread.

    Raises StorageError for a file that a newer vidgate has written.
    """
    have, want = current(path), head()
    if have == want:
        return
    if have is not None and have > want:
        raise StorageError(
            f"{path}: 由更新版本的 vidgate 写入 ({have} > {want}) / written by a newer version",
            hint="请升级本程序 / upgrade this program",
        )
    from alembic import command  # noqa: PLC0415 - 10 MiB that a start without steps does not need
    from alembic.config import Config  # noqa: PLC0415

    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    # Steps rebuild tables (batch mode), which foreign keys would forbid meanwhile.
    for pragma in ("foreign_keys=OFF", "journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")
