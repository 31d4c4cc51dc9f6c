"""The tables of an SQL index.

A study and a series carry what a search returns and what is counted, ready made.
What is matched lies in terms: each distinct value in normal form once, with
postings that say which studies and series have it. Only what is visible has postings.
"""

from __future__ import annotations

import zlib

from sqlalchemy import (
    REAL,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from filmroom.dicom.attributes import ATTRIBUTES, Attribute

metadata = MetaData()

counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)
"""Studies, series, instances, size, rejected, aside and saved; the last version of a record; and
the id of the index itself."""

study = Table(
    "study",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("uid", Text, nullable=False, unique=True),
    Column("sort", Text),
    Column("series", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("modalities", LargeBinary, nullable=False),
    Column("sop_classes", LargeBinary, nullable=False),
    Column("attributes", LargeBinary, nullable=False),
    Column("origins", LargeBinary, nullable=False),
)
"""`sort`: date and time, NULL where nothing is visible; `series`, `instances`, `size`: of what is
visible; `held`: instances in all; `origins`: which instance told which attributes."""
Index("study_newest", study.c.sort.desc(), study.c.pk, sqlite_where=text("sort IS NOT NULL"))

series = Table(
    "series",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("study", Integer, nullable=False),
    Column("uid", Text, nullable=False),
    Column("number", REAL),
    Column("instances", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("last_piece", Integer, nullable=False),
    Column("crc", Integer, nullable=False),
    Column("length", Integer, nullable=False),
    Column("built", Integer, nullable=False),
    Column("attributes", LargeBinary, nullable=False),
    Column("origins", LargeBinary, nullable=False),
    UniqueConstraint("study", "uid"),
)
"""`last_piece`, `crc`, `length`: of the metadata's stream; `built`: how often it was made anew."""
Index("series_uid", series.c.uid)

instance = Table(
    "instance",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("series", Integer, nullable=False),
    Column("uid", Text, nullable=False),
    Column("number", REAL),
    Column("rejected", Text),
    Column("rejected_at", REAL),
    Column("head", Integer, nullable=False),
    Column("sop_class", Text, nullable=False),
    Column("transfer_syntax", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("received", REAL, nullable=False),
    Column("source", Text, nullable=False),
    Column("frame_count", Integer, nullable=False),
    Column("attributes", LargeBinary, nullable=False),
    Column("frames", LargeBinary, nullable=False),
    Column("bulk", LargeBinary, nullable=False),
    UniqueConstraint("series", "uid"),
)
Index("instance_uid", instance.c.uid)
Index("instance_key", instance.c.key)
Index(
    "instance_rejected",
    instance.c.rejected_at,
    sqlite_where=instance.c.rejected_at.is_not(None),
)

head = Table(
    "head",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("series", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("first", REAL, nullable=False),
    Column("attributes", LargeBinary, nullable=False),
    UniqueConstraint("series", "digest"),
)
"""What instances say of their study and series, each distinct saying once a series; `first`:
when it was first received."""

term = Table(
    "term",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("path", Integer, nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("path", "text"),
)
"""Each distinct value of each attribute, in normal form."""

study_term = Table(
    "study_term",
    metadata,
    Column("study", Integer, nullable=False),
    Column("path", Integer, nullable=False),
    Column("term", Integer, nullable=False),
    Column("sort", Text, nullable=False),
    PrimaryKeyConstraint("study", "path", "term"),
    sqlite_with_rowid=False,
)
Index("study_posting", study_term.c.term, study_term.c.sort.desc(), study_term.c.study)

series_term = Table(
    "series_term",
    metadata,
    Column("series", Integer, nullable=False),
    Column("path", Integer, nullable=False),
    Column("term", Integer, nullable=False),
    PrimaryKeyConstraint("series", "path", "term"),
    sqlite_with_rowid=False,
)
Index("series_posting", series_term.c.term, series_term.c.series)

piece = Table(
    "piece",
    metadata,
    Column("series", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("instance", Integer, nullable=False),
    Column("fresh", Integer, nullable=False),
    Column("length", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("series", "sequence"),
    sqlite_with_rowid=False,
)
"""A series' metadata, piece by piece of one deflate stream, clustered so that it is one read.
`fresh`: refers to nothing before it; `length`: of the piece inflated."""

hidden = Table(
    "hidden",
    metadata,
    Column("instance", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)
"""The metadata of rejected instances, each deflated on its own, until they are restored."""

aside = Table(
    "aside",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("study", Text, nullable=False),
    Column("series", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("received", REAL, nullable=False),
    Column("source", Text, nullable=False),
    UniqueConstraint("study", "series", "instance", "key"),
)
Index("aside_key", aside.c.key)

recoded = Table(
    "recoded",
    metadata,
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("transfer_syntax", Text, nullable=False),
    Column("saved", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Blobs that are not as they were sent, and the digest, size and syntax of what was."""

record = Table(
    "record",
    metadata,
    Column("pk", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("due", REAL),
    Column("value", LargeBinary, nullable=False),
    UniqueConstraint("kind", "key"),
)
"""Small documents that are in no blob, `value` as JSON."""
Index("record_state", record.c.kind, record.c.state, record.c.key, record.c.due)

tombstone = Table(
    "tombstone",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", REAL, nullable=False),
)

change = Table(
    "change",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("action", Text, nullable=False),
    Column("study", Text, nullable=False),
    Column("series", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("at", REAL, nullable=False),
    Column("source", Text, nullable=False),
)

TRIGRAMS = ("trigram_name", "trigram_patient", "trigram_accession", "trigram_text")
"""Which terms contain a run of characters: FTS5 tables over `term`, which is folded already.

What is often searched by a part has a table of its own, lest a run of digits that is
rare among patients be looked for among a million accession numbers.
"""
_OWN_TRIGRAMS = {"00100020": "trigram_patient", "00080050": "trigram_accession"}
_WITHOUT = frozenset(
    ("AS", "CS", "UI", "DA", "TM", "DT", "IS", "DS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD")
)


def trigrams_of(attribute: Attribute) -> str | None:
    """The table that knows which of an attribute's terms contain a run of characters."""
    if attribute.vr in _WITHOUT:
        return None
    other = "trigram_name" if attribute.vr == "PN" else "trigram_text"
    return _OWN_TRIGRAMS.get(attribute.path, other)


def path_number(path: str) -> int:
    """An attribute's path as a small number that never changes."""
    return zlib.crc32(path.encode()) + (1 << 32) if "." in path else int(path, 16)


TRIGRAMS_BY_NUMBER = {
    path_number(one.path): table for one in ATTRIBUTES if (table := trigrams_of(one)) is not None
}
