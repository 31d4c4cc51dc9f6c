"""Blobs that are not as they were sent."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of what blobs were recoded from."""
    op.execute(
        """
        CREATE TABLE recoded (
            "key" TEXT NOT NULL,
            digest TEXT NOT NULL,
            size INTEGER NOT NULL,
            transfer_syntax TEXT NOT NULL,
            saved INTEGER NOT NULL,
            PRIMARY KEY ("key")
        ) WITHOUT ROWID
        """
    )
