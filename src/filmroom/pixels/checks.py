"""A codestream must be what its data set says, before anything is allocated for it."""

from __future__ import annotations

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.errors import Undecodable


def check_header(
    what: str, format: PixelFormat, *, rows: int, columns: int, samples: int, precision: int
) -> None:
    """Undecodable where a codestream's own header contradicts the data set."""
    if (rows, columns) != (format.rows, format.columns):
        raise Undecodable(
            f"the {what} codestream has {rows} rows and {columns} columns, its data set says"
            f" {format.rows} and {format.columns}"
        )
    if samples != format.samples:
        raise Undecodable(
            f"the {what} codestream has {samples} components, its data set says {format.samples}"
            " samples per pixel"
        )
    if not 1 <= precision <= format.bits_allocated:
        raise Undecodable(
            f"the {what} codestream has samples of {precision} bits, its data set allocates"
            f" {format.bits_allocated}"
        )
