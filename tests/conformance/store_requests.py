"""Store requests as clients write them."""

from __future__ import annotations

from pydicom.dataset import Dataset

from filmroom.testing.objects import part10

BOUNDARY = "8c9f2a"
RELATED = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'


def framed(*parts: Dataset | bytes, headers: str = "Content-Type: application/dicom\r\n") -> bytes:
    """A body as OHIF frames it: a CRLF first, none last."""
    written = [part if isinstance(part, bytes) else part10(part) for part in parts]
    pieces = [f"\r\n--{BOUNDARY}\r\n{headers}\r\n".encode("latin-1") + part for part in written]
    return b"".join(pieces) + f"\r\n--{BOUNDARY}--".encode()
