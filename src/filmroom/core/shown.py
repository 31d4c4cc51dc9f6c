"""Documents and videos: instances that browsers show as they are (PS3.18 Table 8.7.4-1)."""

from __future__ import annotations

from collections.abc import Iterator

from filmroom.core.archive import Archive
from filmroom.core.bulkdata import DOCUMENT, Bulk, bulk_value
from filmroom.core.video import video_of
from filmroom.dicom.frames import Span
from filmroom.dicom.media_types import ENCAPSULATED_PDF, MP4, PDF
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.model.answer import Content
from filmroom.model.instance import Located


def shown_type(located: Located) -> str:
    """The media type that an instance is shown in as it is; "" if it must be drawn."""
    if located.sop_class == ENCAPSULATED_PDF:
        return PDF
    return MP4 if transfer_syntax(located.transfer_syntax).video else ""


def shown_as_is(archive: Archive, located: Located) -> Bulk:
    """The document or video that an instance is made of."""
    if located.sop_class == ENCAPSULATED_PDF:
        return bulk_value(archive, located, DOCUMENT)
    return video_of(archive, located)


class Shown:
    """The bytes of a document or video, which is sought, or coded anew, when it is first needed.

    That may take minutes; whoever must not wait calls `prepare` elsewhere.
    """

    def __init__(self, archive: Archive, located: Located) -> None:
        self._archive, self._located = archive, located
        self._content: Content | None = None

    def prepare(self) -> Content:
        """The bytes, ready to be read; NotAcceptable if no browser shows this."""
        if self._content is None:
            self._content = shown_as_is(self._archive, self._located).content
        return self._content

    @property
    def size(self) -> int:
        return self.prepare().size

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        return self.prepare().chunks(within)

    def read(self) -> bytes:
        return self.prepare().read()

    def at_hand(self) -> bytes | None:
        return None
