"""Documents and videos: instances that browsers show as they are (PS3.18 Table 8.7.4-1)."""

from __future__ import annotations

from filmroom.core.archive import Archive
from filmroom.core.bulkdata import DOCUMENT, Bulk, bulk_value
from filmroom.core.video import video_of
from filmroom.dicom.media_types import ENCAPSULATED_PDF, MP4, PDF
from filmroom.dicom.transfer_syntaxes import transfer_syntax
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
