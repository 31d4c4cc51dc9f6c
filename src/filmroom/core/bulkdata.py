"""Bulk values by path: byte ranges noted at ingest (PS3.18 §10.4.1.1.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from filmroom.core.archive import Archive
from filmroom.core.content import StoredContent, SwappedContent
from filmroom.core.inflating import InflatedBlob, InflatedContent
from filmroom.core.metadata import data_sets, metadata
from filmroom.core.selected import location_of, select
from filmroom.dicom.bulk import WORDS, BulkValue
from filmroom.dicom.frames import Span
from filmroom.dicom.media_types import MP4, of_document
from filmroom.dicom.pixel_format import PIXEL_DATA
from filmroom.dicom.transfer_syntaxes import OCTET_STREAM, TransferSyntax, transfer_syntax
from filmroom.errors import NotAcceptable, NotFound
from filmroom.model.answer import Answer, Content, Part
from filmroom.model.instance import Located
from filmroom.model.selection import Selection
from filmroom.model.wanted import Offer, Wanted

DOCUMENT = "00420011"
DOCUMENT_LENGTH = "00420015"


@dataclass(frozen=True, slots=True)
class Bulk:
    """One bulk value, ready to be given."""

    content: Content
    media_type: str
    """What it is, as far as it is more than octets."""
    transfer_syntax: str
    """"" except of pixel data."""
    location: str
    frames: tuple[Content, ...] = ()
    """Of compressed pixel data of several frames each one, since in a row they mean nothing."""

    def parts(self, media_type: str) -> list[Part]:
        """The value as the parts of a multipart answer (PS3.18 §10.4.3.3.2)."""
        contents = self.frames or (self.content,)
        return [Part(media_type, self.transfer_syntax, each, self.location) for each in contents]

    @property
    def version(self) -> str:
        """Differs wherever the bytes differ."""
        return f"{self.location} {self.media_type} {self.transfer_syntax}"


def bulk_value(archive: Archive, located: Located, path: str) -> Bulk:
    """The value at a path, little-endian; NotFound if there is none."""
    return _bulk(archive, located, archive.index.bulk(located.key).find(path.upper()))


def bulk_answer(archive: Archive, located: Located, path: str, wanted: Wanted) -> Answer:
    """The value at a path in the form that is wanted, single-part where that is the same."""
    bulk = bulk_value(archive, located, path)
    syntax = bulk.transfer_syntax
    types = dict.fromkeys((bulk.media_type, OCTET_STREAM))
    plain = [Offer(each, syntax) for each in ([OCTET_STREAM] if bulk.frames else types)]
    multipart = [Offer(each, syntax, multipart=True) for each in types]
    form = wanted.choose(plain + multipart)
    if form is None and wanted.takes_multipart():
        form = multipart[-1]
    elif form is None and wanted.takes(OCTET_STREAM):
        form = plain[-1]
    if form is None:
        raise NotAcceptable(f"bulk data is given as {' or '.join(types)}, alone or in multipart")
    parts = bulk.parts(form.media_type)
    if not form.multipart:
        parts = [Part(form.media_type, syntax, bulk.content, bulk.location)]
    return Answer(form, parts, f"{located.key} {bulk.version} {form.media_type}")


def all_bulkdata(archive: Archive, selection: Selection, wanted: Wanted) -> Answer:
    """Every bulk value of a selection, one part each; NotFound if it has none."""
    form = Offer(OCTET_STREAM, multipart=True)
    if not wanted.takes_multipart():
        raise NotAcceptable("all bulk data together is given as multipart/related only")
    parts = [
        part
        for located in select(archive, selection)
        for bulk in _all(archive, located)
        for part in bulk.parts(OCTET_STREAM)
    ]
    if not parts:
        raise NotFound(f"no bulk data in {selection}")
    return Answer(form, parts, "")


def _all(archive: Archive, located: Located) -> Iterator[Bulk]:
    for value in archive.index.bulk(located.key).values:
        yield _bulk(archive, located, value)


def _bulk(archive: Archive, located: Located, value: BulkValue) -> Bulk:
    stored = transfer_syntax(located.transfer_syntax)
    of_pixels = value.path == PIXEL_DATA
    spans = tuple(value.spans)
    if value.path == DOCUMENT:
        spans = _without_padding(archive, located, spans)
    content: Content = StoredContent(archive.storage, located.key, spans)
    if stored.deflated:
        content = InflatedContent(InflatedBlob(archive.storage, located.key), spans)
    if stored.big_endian or (of_pixels and stored.big_endian_pixels):
        content = SwappedContent(content, WORDS.get(value.vr, 1))
    syntax = _given_syntax(stored) if of_pixels else ""
    location = f"{location_of(located.ref)}/bulkdata/{value.path}"
    frames = _frames(archive, located) if of_pixels and _in_frames(stored) else ()
    media_type = _media_type(located, stored, value.path, content)
    return Bulk(content, media_type, syntax, location, frames)


def _in_frames(stored: TransferSyntax) -> bool:
    return stored.encapsulated and not stored.video


def _frames(archive: Archive, located: Located) -> tuple[Content, ...]:
    """Each frame, if there are several."""
    index = archive.index.frames(located.key)
    if len(index) < 2:
        return ()
    return tuple(StoredContent(archive.storage, located.key, spans) for spans in index.frames)


def _given_syntax(stored: TransferSyntax) -> str:
    """The transfer syntax of pixel data as it is given: inflated, and little-endian."""
    return stored.uid if stored.encapsulated else "1.2.840.10008.1.2.1"


def _media_type(located: Located, stored: TransferSyntax, path: str, content: Content) -> str:
    if path == DOCUMENT:
        return of_document(located.sop_class) or OCTET_STREAM
    if path != PIXEL_DATA:
        return OCTET_STREAM
    if stored.video:
        return stored.media_type if stored.media_type != MP4 or is_mp4(content) else OCTET_STREAM
    return stored.media_type


def is_mp4(content: Content) -> bool:
    """Whether a video stream is in an MP4 container, as a browser needs it (ISO 14496-12 §4.3)."""
    return content.size > 8 and b"".join(content.chunks(Span(4, 4))) == b"ftyp"


def _without_padding(
    archive: Archive, located: Located, spans: tuple[Span, ...]
) -> tuple[Span, ...]:
    """A document without the byte that made its length even, where the data set tells."""
    ref = located.ref
    kept = metadata(archive, Selection(ref.study, ref.series, ref.instance))
    told = next(data_sets(kept)).get(DOCUMENT_LENGTH, {}).get("Value", [0])[0]
    last = spans[-1]
    if sum(span.length for span in spans) - 1 != told:
        return spans
    return (*spans[:-1], Span(last.start, last.length - 1))
