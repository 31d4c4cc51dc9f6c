"""Retrieve whole instances as stored (PS3.18 §10.4.1.1.1)."""

from __future__ import annotations

from collections.abc import Iterable

from filmroom.core.archive import Archive
from filmroom.core.content import StoredContent
from filmroom.dicom.frames import Span
from filmroom.dicom.media_types import DICOM, ZIP
from filmroom.errors import NotAcceptable
from filmroom.model.answer import Answer, Part
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.selection import Selection
from filmroom.model.wanted import Offer, Wanted


def select(archive: Archive, selection: Selection) -> list[Located]:
    """The instances of a selection, in series and instance order; NotFound if none."""
    if selection.study and selection.series and selection.instance:
        ref = InstanceRef(selection.study, selection.series, selection.instance)
        return [archive.index.locate(ref)]
    return archive.index.select(selection)


def instances(archive: Archive, selection: Selection, wanted: Wanted) -> Answer:
    """The instances of a selection as stored, if that is acceptable for each of them."""
    found = select(archive, selection)
    syntaxes = {located.transfer_syntax for located in found}
    forms = [_form(syntax, wanted, single=len(found) == 1) for syntax in syntaxes]
    form = next((each for each in forms if each.media_type == ZIP), forms[0])
    return Answer(form, [part(archive, located) for located in found], version_of(found))


def part(archive: Archive, located: Located) -> Part:
    """One instance as stored."""
    return Part(
        DICOM,
        located.transfer_syntax,
        StoredContent(archive.storage, located.key, (Span(0, located.size),)),
        location_of(located.ref),
    )


def location_of(ref: InstanceRef) -> str:
    """Where an instance can be had, below the DICOMweb root."""
    return f"/studies/{ref.study}/series/{ref.series}/instances/{ref.instance}"


def version_of(found: Iterable[Located]) -> str:
    """What changes whenever the bytes of these instances do; their digests say it."""
    keys = [located.key for located in found]
    return keys[0] if len(keys) == 1 else ""


def _form(transfer_syntax: str, wanted: Wanted, *, single: bool) -> Offer:
    offers = [Offer(DICOM, transfer_syntax, multipart=True), Offer(ZIP)]
    if single:
        offers.insert(1, Offer(DICOM, transfer_syntax))
    chosen = wanted.choose(offers)
    if chosen is None:
        raise NotAcceptable(
            f"stored with transfer syntax {transfer_syntax}, and given as stored only: as"
            f' multipart/related; type="{DICOM}"{f", {DICOM}" if single else ""} or {ZIP}'
        )
    return chosen
