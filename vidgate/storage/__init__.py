"""The database: SQLAlchemy 2 async on SQLite, migrations by Alembic, one writer."""
