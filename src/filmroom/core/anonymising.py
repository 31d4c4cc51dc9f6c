"""One instance on its way into a file without identity (PS3.15 Annex E)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from filmroom.core.archive import Archive
from filmroom.core.content import StoredContent
from filmroom.core.image import image_of
from filmroom.core.rewrite import Layout, Writing
from filmroom.dicom.deidentification import Options
from filmroom.dicom.deidentifying import Deidentifying, Subject, marks
from filmroom.dicom.descriptors import words_of
from filmroom.dicom.dummies import document
from filmroom.dicom.encoding import element
from filmroom.dicom.frames import Span
from filmroom.dicom.part10 import PREAMBLE, PREFIX, written_file_meta
from filmroom.dicom.pixel_format import pixel_format
from filmroom.dicom.pseudonyms import Pseudonyms
from filmroom.dicom.transfer_syntaxes import Pixels
from filmroom.errors import Malformed, NotAcceptable, Undecodable
from filmroom.model.answer import Content
from filmroom.model.instance import Attributes, Located

PATIENT_NAME, PATIENT_ID, ISSUER = "00100010", "00100020", "00100021"
DOCUMENT, DOCUMENT_TYPE, DOCUMENT_LENGTH = "00420011", "00420012", 0x00420015
PRIVATE_CHARACTERISTICS, GROUP, CREATOR, STATUS = "00080300", "00080301", "00080302", "00080303"
BARE_META = bytes(PREAMBLE) + PREFIX
"""File Meta Information that says nothing of where the file came from."""


def pseudonyms_for(secret: bytes, located: Located, attributes: Attributes) -> Pseudonyms:
    """What stands for the identity of an instance's patient; of the study's where none is told."""
    patient = first(attributes, PATIENT_ID)
    known = f"{first(attributes, ISSUER)}\\{patient}" if patient else located.ref.study
    return Pseudonyms(secret, known)


class Anonymising(Writing):
    """The same in a file without identity.

    Raises NotAcceptable where that cannot be, as of documents of an unknown kind.
    """

    def __init__(
        self, archive: Archive, located: Located, target: str, options: Options, secret: bytes
    ) -> None:
        super().__init__(archive, located, target)
        self.options = options
        self._pixels_at: int | None = None
        self.attributes = image_of(archive, located).attributes
        self.pseudonyms = pseudonyms_for(secret, located, self.attributes)
        self.subject = Subject(
            self.pseudonyms, _names(self.attributes), _safe(self.attributes), self._document()
        )

    def _document(self) -> bytes:
        if DOCUMENT not in self.attributes:
            return b""
        media_type = first(self.attributes, DOCUMENT_TYPE)
        made = document(media_type)
        if made is None:
            raise NotAcceptable(f"documents of type {media_type!r} are not given anonymized")
        return made

    def _meta(self, layout: Layout) -> bytes:
        ref = self.located.ref
        uid = ref.instance if self.options.uids else self.pseudonyms.uid(ref.instance)
        bare = memoryview(BARE_META)
        return written_file_meta(bare, self.target.uid, self.located.sop_class, uid)

    def _before(self, layout: Layout, changes: Attributes) -> bytes:
        implicit = self.target.implicit
        put = {
            int(tag, 16): element(int(tag, 16), each, implicit=implicit) if each else b""
            for tag, each in changes.items()
        }
        put |= marks(self.options, implicit=implicit)
        if self.subject.document:
            length = {"vr": "UL", "Value": [len(self.subject.document)]}
            put[DOCUMENT_LENGTH] = element(DOCUMENT_LENGTH, length, implicit=implicit)
        walk = self._walk(layout.head)
        written = walk.written(self.stored, put)
        self._pixels_at = walk.pixels_at
        return written

    def _tail(self, layout: Layout) -> bytes:
        return self._walk(layout.tail).written(self.stored, {})

    def _walk(self, data: bytes) -> Deidentifying:
        return Deidentifying(memoryview(data), self.target, self.options, self.subject)

    def _write_compressed(self, file: BinaryIO, layout: Layout, tail: bytes) -> None:
        """Compressed pixels that stay what they are are copied with their offset tables."""
        if self._embedded_overlays():
            raise NotAcceptable("overlays within compressed pixels cannot be taken out")
        if self.target is not self.stored:
            super()._write_compressed(file, layout, tail)
            return
        file.write(self._before(layout, {}))
        start = self._pixels_at
        if start is None or layout.head[start : start + 2] != b"\xe0\x7f":
            raise Undecodable("the pixel data does not begin where it should")
        begin = len(layout.meta) + start
        length = self.located.size - len(layout.tail) - begin
        span = (Span(begin, length),)
        for piece in StoredContent(self.archive.storage, self.located.key, span).chunks():
            file.write(piece)
        file.write(tail)

    def _native(self, layout: Layout) -> Iterator[bytes]:
        if self.stored.pixels is not Pixels.NATIVE and self._embedded_overlays():
            raise NotAcceptable("overlays within compressed pixels cannot be taken out")
        return super()._native(layout)

    def _stored_pixels(self, content: Content) -> Iterable[bytes]:
        """Native pixels, those bits cleared that hold overlays (PS3.5 §8.1.2)."""
        if not self._embedded_overlays():
            return content.chunks()
        try:
            format = pixel_format(self.attributes)
        except Malformed as error:
            raise Undecodable(str(error)) from error
        if format.bits_allocated % 8:
            raise NotAcceptable("overlays between pixels of odd bits cannot be taken out")
        lowest = max(format.high_bit + 1 - format.bits_stored, 0)
        word = ((1 << format.bits_stored) - 1) << lowest
        return _masked(content.chunks(), word.to_bytes(format.bits_allocated // 8, "little"))

    def _embedded_overlays(self) -> bool:
        """Whether an overlay lies in bits of the pixels that are not used otherwise."""
        return any(
            tag[:2] == "60" and tag[4:] == "0102" and f"{tag[:4]}3000" not in self.attributes
            for tag in self.attributes
        )


def _masked(chunks: Iterable[bytes], word: bytes) -> Iterator[bytes]:
    """Bytes of which only those bits stay that a word has, repeated."""
    at = 0
    for chunk in chunks:
        turn = at % len(word)
        mask = (word[turn:] + word[:turn]) * (len(chunk) // len(word) + 1)
        kept = int.from_bytes(chunk, "little") & int.from_bytes(mask[: len(chunk)], "little")
        yield kept.to_bytes(len(chunk), "little")
        at += len(chunk)


def first(attributes: Attributes, tag: str) -> str:
    """The first value of an attribute as text; "" if there is none."""
    values = attributes.get(tag, {}).get("Value") or [""]
    return str(values[0] if values[0] is not None else "").strip()


def _names(attributes: Attributes) -> frozenset[str]:
    """The words of the patient's names."""
    names = attributes.get(PATIENT_NAME, {}).get("Value") or []
    groups = [text for name in names if isinstance(name, dict) for text in name.values()]
    return frozenset[str]().union(*map(words_of, map(str, groups)))


def _safe(attributes: Attributes) -> frozenset[tuple[str, int]]:
    """Private blocks that a data set says identify nobody (PS3.3 §C.12.1)."""
    items = attributes.get(PRIVATE_CHARACTERISTICS, {}).get("Value") or []
    return frozenset(
        (first(item, CREATOR), item[GROUP]["Value"][0])
        for item in items
        if item and first(item, STATUS) == "SAFE" and item.get(GROUP, {}).get("Value")
    )
