import sqlite3
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


def test_what_was_known_of_health_survives_the_loss_of_a_column(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0012")
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
