"""Retrieve whole instances, as stored or in another transfer syntax (PS3.18 §10.4.1.1.1)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from filmroom.core.archive import Archive
from filmroom.core.content import StoredContent
from filmroom.core.rewrite import rewritten_instance, target_for
from filmroom.core.selected import location_of, select, version_of
from filmroom.core.transcode import coding
from filmroom.dicom.frames import Span
from filmroom.dicom.media_types import DICOM, ZIP
from filmroom.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from filmroom.errors import NotAcceptable
from filmroom.model.answer import Answer, Part
from filmroom.model.instance import Located
from filmroom.model.pixels import DerivedFile
from filmroom.model.selection import Selection
from filmroom.model.wanted import Offer, Wanted

log = logging.getLogger(__name__)

__all__ = [
    "RewrittenContent",
    "instances",
    "located_instances",
    "location_of",
    "part",
    "select",
    "version_of",
]


def instances(archive: Archive, selection: Selection, wanted: Wanted) -> Answer:
    """The instances of a selection: as stored where that is acceptable, else coded.

    Nothing is coded yet: the parts that have to be are `RewrittenContent`.
    """
    return located_instances(archive, select(archive, selection), wanted)


def located_instances(archive: Archive, found: Sequence[Located], wanted: Wanted) -> Answer:
    """The same of instances that are known."""
    single = len(found) == 1
    forms = [_form(located.transfer_syntax, wanted, single=single) for located in found]
    form = next((each for each in forms if each.media_type == ZIP), forms[0])
    parts = [
        part(archive, located, each.transfer_syntax, forgiving=not single)
        for located, each in zip(found, forms, strict=True)
    ]
    if single and parts[0].transfer_syntax == found[0].transfer_syntax != form.transfer_syntax:
        raise NotAcceptable(
            f"the instance is stored with transfer syntax {found[0].transfer_syntax}, which"
            " nothing here decodes, and given as stored only"
        )
    version = version_of(found)
    if version and isinstance(parts[0].content, RewrittenContent):
        version += f" {coding(archive, parts[0].transfer_syntax)}"
    return Answer(form, parts, version)


def part(
    archive: Archive, located: Located, transfer_syntax: str = "", *, forgiving: bool = False
) -> Part:
    """One instance, as stored unless in another transfer syntax; then it is not made yet.

    What nothing decodes is as stored in any case, and where `forgiving` what is damaged.
    """
    target = target_for(located, transfer_syntax) if transfer_syntax else located.transfer_syntax
    location = location_of(located.ref)
    if target != located.transfer_syntax:
        content = RewrittenContent(archive, located, target, forgiving=forgiving)
        return Part(DICOM, target, content, location)
    return Part(DICOM, target, _stored(archive, located), location)


def _stored(archive: Archive, located: Located) -> StoredContent:
    return StoredContent(archive.storage, located.key, (Span(0, located.size),))


class RewrittenContent:
    """An instance in another transfer syntax, made when something of it is first asked for."""

    def __init__(
        self, archive: Archive, located: Located, target: str, *, forgiving: bool = False
    ) -> None:
        self._archive, self._located = archive, located
        self._forgiving = forgiving
        self._size: int | None = None
        self.transfer_syntax = target
        """That of the file, once it is made: the stored one if it could not be."""

    def make(self) -> DerivedFile:
        """The file, open; it is kept as long as there is room, and made anew where it is not."""
        made = self._made()
        self._size = made.size
        return made

    def _made(self) -> DerivedFile:
        if self.transfer_syntax == self._located.transfer_syntax:
            return _stored(self._archive, self._located)
        try:
            return rewritten_instance(self._archive, self._located, self.transfer_syntax)
        except NotAcceptable as error:
            if not self._forgiving:
                raise
            log.warning("an instance is given as stored", extra={"reason": type(error).__name__})
            self.transfer_syntax = self._located.transfer_syntax
            return _stored(self._archive, self._located)

    @property
    def size(self) -> int:
        """Bytes in all; making them takes its time."""
        return self.make().size if self._size is None else self._size

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        """The bytes in pieces, or a run of them."""
        yield from self.make().chunks(within)

    def read(self) -> bytes:
        """All the bytes at once."""
        return b"".join(self.chunks())

    def at_hand(self) -> bytes | None:
        """Nothing: making it takes its time."""
        return None


@lru_cache(maxsize=1024)
def _form(stored: str, wanted: Wanted, *, single: bool) -> Offer:
    """The form to give an instance in: as stored, unless something else is liked better."""
    chosen = wanted.choose(_offers(stored, single=single))
    uids = [uid for uid, syntax in TRANSFER_SYNTAXES.items() if syntax.encoder and uid != stored]
    offers = [offer for uid in uids for offer in _offers(uid, single=single)]
    coded = wanted.choose(offers)
    if coded is not None and (chosen is None or wanted.liking(coded) > wanted.liking(chosen)):
        chosen = coded
    if chosen is None:
        raise NotAcceptable(
            f"stored with transfer syntax {stored}, and given in that or another as {DICOM} in"
            f" multipart/related,{' alone,' if single else ''} or as {ZIP}, but not as was asked"
        )
    return chosen


def _offers(transfer_syntax: str, *, single: bool) -> list[Offer]:
    plain = Offer(DICOM, transfer_syntax)
    multipart, zipped = replace(plain, multipart=True), Offer(ZIP, transfer_syntax)
    return [multipart, plain, zipped] if single else [multipart, zipped]
