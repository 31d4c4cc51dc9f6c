"""The first schema."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE aside (
        pk INTEGER NOT NULL,
        study TEXT NOT NULL,
        series TEXT NOT NULL,
        instance TEXT NOT NULL,
        "key" TEXT NOT NULL,
        size INTEGER NOT NULL,
        received REAL NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (pk),
        UNIQUE (study, series, instance, "key")
    )
    """,
    """
    CREATE INDEX aside_key ON aside ("key")
    """,
    """
    CREATE TABLE change (
        sequence INTEGER NOT NULL,
        action TEXT NOT NULL,
        study TEXT NOT NULL,
        series TEXT NOT NULL,
        instance TEXT NOT NULL,
        at REAL NOT NULL,
        source TEXT NOT NULL,
        PRIMARY KEY (sequence)
    )
    """,
    """
    CREATE TABLE counter (
        name TEXT NOT NULL,
        value INTEGER NOT NULL,
        PRIMARY KEY (name)
    )
    """,
    """
    CREATE TABLE head (
        pk INTEGER NOT NULL,
        series INTEGER NOT NULL,
        digest BLOB NOT NULL,
        first REAL NOT NULL,
        attributes BLOB NOT NULL,
        PRIMARY KEY (pk),
        UNIQUE (series, digest)
    )
    """,
    """
    CREATE TABLE hidden (
        instance INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (instance)
    )
    """,
    """
    CREATE TABLE instance (
        pk INTEGER NOT NULL,
        series INTEGER NOT NULL,
        uid TEXT NOT NULL,
        number REAL,
        rejected TEXT,
        rejected_at REAL,
        head INTEGER NOT NULL,
        sop_class TEXT NOT NULL,
        transfer_syntax TEXT NOT NULL,
        "key" TEXT NOT NULL,
        size INTEGER NOT NULL,
        received REAL NOT NULL,
        source TEXT NOT NULL,
        frame_count INTEGER NOT NULL,
        attributes BLOB NOT NULL,
        frames BLOB NOT NULL,
        bulk BLOB NOT NULL,
        PRIMARY KEY (pk),
        UNIQUE (series, uid)
    )
    """,
    """
    CREATE INDEX instance_key ON instance ("key")
    """,
    """
    CREATE INDEX instance_rejected ON instance (rejected_at) WHERE rejected_at IS NOT NULL
    """,
    """
    CREATE INDEX instance_uid ON instance (uid)
    """,
    """
    CREATE TABLE piece (
        series INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        instance INTEGER NOT NULL,
        fresh INTEGER NOT NULL,
        length INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (series, sequence)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE series (
        pk INTEGER NOT NULL,
        study INTEGER NOT NULL,
        uid TEXT NOT NULL,
        number REAL,
        instances INTEGER NOT NULL,
        size INTEGER NOT NULL,
        held INTEGER NOT NULL,
        last_piece INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        length INTEGER NOT NULL,
        built INTEGER NOT NULL,
        attributes BLOB NOT NULL,
        origins BLOB NOT NULL,
        PRIMARY KEY (pk),
        UNIQUE (study, uid)
    )
    """,
    """
    CREATE INDEX series_uid ON series (uid)
    """,
    """
    CREATE TABLE series_term (
        series INTEGER NOT NULL,
        path INTEGER NOT NULL,
        term INTEGER NOT NULL,
        PRIMARY KEY (series, path, term)
    ) WITHOUT ROWID
    """,
    """
    CREATE INDEX series_posting ON series_term (term, series)
    """,
    """
    CREATE TABLE study (
        pk INTEGER NOT NULL,
        uid TEXT NOT NULL,
        sort TEXT,
        series INTEGER NOT NULL,
        instances INTEGER NOT NULL,
        size INTEGER NOT NULL,
        held INTEGER NOT NULL,
        modalities BLOB NOT NULL,
        sop_classes BLOB NOT NULL,
        attributes BLOB NOT NULL,
        origins BLOB NOT NULL,
        PRIMARY KEY (pk),
        UNIQUE (uid)
    )
    """,
    """
    CREATE INDEX study_newest ON study (sort DESC, pk) WHERE sort IS NOT NULL
    """,
    """
    CREATE TABLE study_term (
        study INTEGER NOT NULL,
        path INTEGER NOT NULL,
        term INTEGER NOT NULL,
        sort TEXT NOT NULL,
        PRIMARY KEY (study, path, term)
    ) WITHOUT ROWID
    """,
    """
    CREATE INDEX study_posting ON study_term (term, sort DESC, study)
    """,
    """
    CREATE TABLE term (
        pk INTEGER NOT NULL,
        path INTEGER NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (pk),
        UNIQUE (path, text)
    )
    """,
    """
    CREATE TABLE tombstone (
        "key" TEXT NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY ("key")
    )
    """,
    *(
        f"""
    CREATE VIRTUAL TABLE {name} USING fts5 (
        text, content='term', content_rowid='pk', tokenize='trigram case_sensitive 1'
    )
    """
        for name in ("trigram_name", "trigram_patient", "trigram_accession", "trigram_text")
    ),
)


def upgrade() -> None:
    """Make every table."""
    for statement in STATEMENTS:
        op.execute(statement)
