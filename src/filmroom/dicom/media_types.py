"""Media types by name, and those of documents (PS3.18 §8.7.3)."""

from __future__ import annotations

DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
JSON = "application/json"
MP4 = "video/mp4"
PDF = "application/pdf"
ZIP = "application/zip"

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"

_OF_DOCUMENTS = {
    ENCAPSULATED_PDF: PDF,
    "1.2.840.10008.5.1.4.1.1.104.2": "text/xml",
    "1.2.840.10008.5.1.4.1.1.104.3": "model/stl",
    "1.2.840.10008.5.1.4.1.1.104.4": "model/obj",
    "1.2.840.10008.5.1.4.1.1.104.5": "model/mtl",
}
"""Media types of encapsulated documents, by SOP class."""

_ALIASES = {
    "image/dicom+jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/dicom+rle": "image/dicom-rle",
    "image/x-dicom-rle": "image/dicom-rle",
    "image/dicom+jpeg-ls": "image/jls",
    "image/dicom+jls": "image/jls",
    "image/x-jls": "image/jls",
    "image/dicom+jp2": "image/jp2",
    "image/dicom+jpx": "image/jpx",
    "image/jph": "image/jphc",
    "image/dicom+jxl": "image/jxl",
    "video/mpeg": "video/mpeg2",
    "application/zip-compressed": ZIP,
    "application/x-zip-compressed": ZIP,
}


def canonical(media_type: str) -> str:
    """The usual spelling of a media type that has several, in lower case."""
    lower = media_type.lower()
    return _ALIASES.get(lower, lower)


def of_document(sop_class: str) -> str:
    """The media type of an encapsulated document by its SOP class; "" if it is none."""
    return _OF_DOCUMENTS.get(sop_class, "")
