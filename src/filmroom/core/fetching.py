"""Fetch: ask a peer what it has, and have it send that (PS3.4 §C.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice

from filmroom.core.archive import Archive
from filmroom.core.sending import uncancelled, unreported
from filmroom.core.store import receive
from filmroom.dicom.attributes import INSTANCE_UID, SERIES_UID, SOP_CLASS_UID, STUDY_UID
from filmroom.dicom.levels import Level
from filmroom.dicom.part10 import new_file_meta
from filmroom.dicom.storage_classes import COMMON, is_storage
from filmroom.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    TRANSFER_SYNTAXES,
    Pixels,
)
from filmroom.errors import ArchiveError, Malformed
from filmroom.model.instance import Attributes
from filmroom.model.peer import Peer
from filmroom.model.remote import Arriving, Cancelled, Proposal, Report, Tally
from filmroom.model.selection import Selection

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
PATIENT_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
LEVEL = "00080052"

MOST_CONTEXTS = 127
"""Presentation contexts for instances, beside that of the C-GET itself."""
MOST_SYNTAXES = 1500
"""Transfer syntaxes in all: what asks for an association has 64 KB with many of us."""
FEW = 12
"""Coded transfer syntaxes that are offered where there is little room."""
MOST_ANSWERS = 100_000
"""Instances that are looked at to learn their SOP classes."""
PLAIN = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
_STANDARD = "1.2.840.10008.1.2"
_LIKELY = ".4.70 .4.90 .4.50 .4.91 .4.80 .5 .4.57 .4.51 .4.201 .4.81 .4.102 .4.202 .4.203 .1.99"
_SPECIAL = (Pixels.REFERENCED, Pixels.UNKNOWN)


class How(StrEnum):
    """Ways to fetch."""

    MOVE = "move"
    """C-MOVE: the peer calls us, and so must know us; what comes, the door takes in."""
    GET = "get"
    """C-GET: over the association that we make."""


def query(
    archive: Archive, peer: Peer, level: Level, keys: Attributes, sop_class: str = ""
) -> Iterator[Attributes]:
    """What a peer has that matches the keys at a level, as it comes (C-FIND, PS3.4 §C.4.1).

    In Study Root unless the level is PATIENT or `sop_class` says another model. Closing the
    iterator cancels the query. Raises Unreachable, Declined.
    """
    root = PATIENT_ROOT_FIND if level is Level.PATIENT else STUDY_ROOT_FIND
    identifier = {**keys, LEVEL: {"vr": "CS", "Value": [level.name]}}
    return archive.remote.find(peer, sop_class or root, identifier)


def fetch(
    archive: Archive,
    peer: Peer,
    selection: Selection,
    how: How = How.MOVE,
    report: Report = unreported,
    cancelled: Cancelled = uncancelled,
) -> Tally:
    """Have a peer send a study, series or instance to us; raises Unreachable, Declined.

    By C-MOVE it is told the AE title that it knows us by: `peer.calling`, or our own.
    """
    identifier = _identifier(selection)
    if how is How.MOVE:
        title = peer.calling or archive.settings.aet
        return archive.remote.move(peer, STUDY_ROOT_MOVE, identifier, title, report, cancelled)

    def store(arriving: Arriving) -> None:
        _store(archive, peer, arriving)

    offered = _offered(archive, _sop_classes(archive, peer, selection))
    return archive.remote.get(peer, STUDY_ROOT_GET, identifier, offered, store, report, cancelled)


def _identifier(selection: Selection) -> Attributes:
    """The unique keys of a selection, those above its level too (PS3.4 §C.4.2.1.4.1)."""
    level = selection.level
    if level is Level.PATIENT:
        raise Malformed("nothing in particular is to be fetched")
    uids = (
        (STUDY_UID, selection.study),
        (SERIES_UID, selection.series),
        (INSTANCE_UID, selection.instance),
    )
    keys = {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids if uid is not None}
    return {LEVEL: {"vr": "CS", "Value": [level.name]}, **keys}


def _store(archive: Archive, peer: Peer, arriving: Arriving) -> None:
    named = (arriving.sop_class, arriving.instance)
    with receive(archive, f"dimse:{peer.aet}@{peer.host}", named=named) as incoming:
        incoming.write(new_file_meta(arriving.transfer_syntax, *named))
        for piece in arriving.data:
            incoming.write(piece)
        incoming.finish()


def _sop_classes(archive: Archive, peer: Peer, selection: Selection) -> list[str]:
    """The SOP classes of what is asked for; the common ones if the peer does not tell."""
    found: dict[str, None] = {}
    try:
        for series in _series(archive, peer, selection):
            keys = _identifier(Selection(selection.study, series, selection.instance))
            keys |= {tag: {"vr": "UI"} for tag in (SOP_CLASS_UID, INSTANCE_UID) if tag not in keys}
            answers = query(archive, peer, Level.IMAGE, keys)
            found |= dict.fromkeys(_uids(islice(answers, MOST_ANSWERS), SOP_CLASS_UID))
    except ArchiveError:  # perhaps it knows no such query, and yet can be asked for the instances
        return list(COMMON)
    return [uid for uid in found if is_storage(uid)] or list(COMMON)


def _series(archive: Archive, peer: Peer, selection: Selection) -> list[str]:
    if selection.series is not None:
        return [selection.series]
    keys = {**_identifier(selection), SERIES_UID: {"vr": "UI"}}
    return list(_uids(query(archive, peer, Level.SERIES, keys), SERIES_UID))


def _uids(answers: Iterable[Attributes], tag: str) -> Iterator[str]:
    for answer in answers:
        yield from (uid for uid in answer.get(tag, {}).get("Value", ()) if uid)


def _offered(archive: Archive, sop_classes: list[str]) -> list[Proposal]:
    """Presentation contexts in which a peer can send as it has stored.

    Of one context the sender takes one transfer syntax for all; so where there is room, each
    has a context of its own.
    """
    taken = archive.settings.dimse_syntaxes or _taken()
    coded = tuple(uid for uid in taken if uid not in PLAIN)
    plain = tuple(uid for uid in PLAIN if uid in taken) or coded[:1]
    classes = sop_classes[:MOST_CONTEXTS]
    alone: list[tuple[str, ...]] = [(uid,) for uid in (*plain, *coded)]
    ways: list[list[tuple[str, ...]]] = [
        alone,
        [*alone[: FEW + 2], coded[FEW:]],
        [*alone[: len(plain)], coded],
        [plain, coded[:FEW]],
    ]
    contexts, syntaxes = (most // max(len(classes), 1) for most in (MOST_CONTEXTS, MOST_SYNTAXES))
    fitting = (w for w in ways if len(w) <= contexts and sum(map(len, w)) <= syntaxes)
    way = next(fitting, [(*plain, *coded[:FEW])])
    return [Proposal(sop_class, each) for sop_class in classes for each in way if each]


def _taken() -> tuple[str, ...]:
    """The transfer syntaxes that somebody may send us, those that are likely first."""
    standard = [
        syntax.uid
        for syntax in TRANSFER_SYNTAXES.values()
        if syntax.pixels not in _SPECIAL and syntax.uid.startswith(_STANDARD)
    ]
    likely = [_STANDARD + suffix for suffix in _LIKELY.split()]
    return tuple(dict.fromkeys([*PLAIN, *likely, *standard]))
