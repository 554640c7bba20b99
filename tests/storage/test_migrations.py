import sqlite3
import time
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from vidgate.errors import StorageError
from vidgate.storage import migrations
from vidgate.storage.models import metadata


def test_the_steps_make_the_tables_of_the_models(tmp_path: Path) -> None:
    migrations.upgrade(tmp_path / "a.db")
    engine = create_engine(f"sqlite:///{tmp_path}/a.db", poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_head_by_file_name_is_alembics_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.head()]


def test_running_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    migrations.upgrade(path)
    before = path.read_bytes()
    migrations.upgrade(path)
    assert path.read_bytes() == before
    assert migrations.current(path) == migrations.head()


def test_a_newer_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    migrations.upgrade(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StorageError, match="更新版本"):
        migrations.upgrade(path)


def test_a_failed_step_leaves_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE tokens (id INTEGER)")  # in the way of the first step
    connection.close()
    with pytest.raises(Exception, match="already exists"):
        migrations.upgrade(path)
    connection = sqlite3.connect(path)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "channels" not in tables


def upgrade_to(path: Path, revision: str) -> None:
    """As an older vidgate left it."""
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_what_was_known_of_health_survives_the_loss_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    upgrade_to(path, "0012")
    old = sqlite3.connect(path)
    old.execute(
        "INSERT INTO health_now (channel, state, reason, since, level, good, bad)"
        " VALUES ('c', 1, 'ok', 5.0, 3, 2, 7)"
    )
    old.commit()
    old.close()
    migrations.upgrade(path)
    new = sqlite3.connect(path)
    new.row_factory = sqlite3.Row
    (row,) = new.execute("SELECT * FROM health_now")
    new.close()
    assert (row["channel"], row["since"], row["level"], row["levels"]) == ("c", 5.0, 3, "{}")
    assert "bad" not in row.keys()  # noqa: SIM118 - a Row has values, not names, inside


def runs_of(path: Path) -> list[tuple[int, int]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT began, seen FROM runs ORDER BY began").fetchall()
    connection.close()
    return found


def write(path: Path, statement: str, *rows: tuple[object, ...]) -> None:
    connection = sqlite3.connect(path)
    connection.executemany(statement, rows)
    connection.commit()
    connection.close()


CHANGED = (
    "INSERT INTO transitions (subject, time, before, after, reason, level, step)"
    " VALUES (1, ?, 1, 2, 1, 3, 3)"
)


def test_vidgate_was_at_work_while_old_changes_were_written(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    upgrade_to(path, "0004")
    old = (
        "INSERT INTO transitions (channel, time, before, after, reason, level)"
        " VALUES ('c', ?, 1, 2, 'ok', 3)"
    )
    ahead = time.time() + 86_400  # of a clock that was fast
    write(path, old, (1_700_000_000.5,), (1_700_090_000.0,), (1_700_180_000.25,), (ahead,))
    migrations.upgrade(path)
    assert runs_of(path) == [(1_700_000_000_500, 1_700_180_000_250)]
    migrations.upgrade(path)
    assert len(runs_of(path)) == 1


def test_a_folder_that_was_upgraded_before_gets_the_run_too(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    upgrade_to(path, "0014")
    write(path, CHANGED, (1000,), (5000,), (9000,), (12_000,))
    write(path, "INSERT INTO runs (began, seen) VALUES (?, ?)", (9000, 10_000), (11_000, 13_000))
    migrations.upgrade(path)
    assert runs_of(path) == [(1000, 5000), (9000, 10_000), (11_000, 13_000)]


@pytest.mark.parametrize("changes", [[], [(9000,), (9500,)], [(1000,)]])
def test_where_nothing_is_older_than_the_first_run_there_is_no_other(
    tmp_path: Path, changes: list[tuple[int]]
) -> None:
    path = tmp_path / "a.db"
    upgrade_to(path, "0014")
    write(path, CHANGED, *changes)
    write(path, "INSERT INTO runs (began, seen) VALUES (?, ?)", (9000, 10_000))
    migrations.upgrade(path)
    assert runs_of(path) == [(9000, 10_000)]
