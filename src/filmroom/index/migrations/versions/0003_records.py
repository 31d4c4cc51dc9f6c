"""Records: peers, jobs, worklist items and what else is in no blob."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of records."""
    op.execute(
        """
        CREATE TABLE record (
            pk INTEGER NOT NULL,
            kind TEXT NOT NULL,
            "key" TEXT NOT NULL,
            version INTEGER NOT NULL,
            state TEXT NOT NULL,
            due REAL,
            value BLOB NOT NULL,
            PRIMARY KEY (pk),
            UNIQUE (kind, "key")
        )
        """
    )
    op.execute('CREATE INDEX record_state ON record (kind, state, "key", due)')
