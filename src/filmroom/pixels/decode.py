"""A frame in any transfer syntax → its stored values."""

from __future__ import annotations

from collections.abc import Callable

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import PixelFormat
from filmroom.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from filmroom.errors import ArchiveError, Undecodable
from filmroom.pixels.deflate import decode_deflate
from filmroom.pixels.jpeg import decode_jpeg
from filmroom.pixels.jpeg2000 import decode_htj2k, decode_jpeg2000
from filmroom.pixels.jpegls import decode_jpegls
from filmroom.pixels.jpegxl import decode_jpegxl
from filmroom.pixels.native import decode_native
from filmroom.pixels.rle import decode_rle
from filmroom.pixels.values import Decoded, Samples, check_size, fit

__all__ = ["Decoded", "decode"]

DECODERS: dict[Codec, Callable[[bytes, PixelFormat], Decoded | Samples]] = {
    Codec.NATIVE: decode_native,
    Codec.DEFLATE: decode_deflate,
    Codec.RLE: decode_rle,
    Codec.JPEG: decode_jpeg,
    Codec.JPEG_LS: decode_jpegls,
    Codec.JPEG_2000: decode_jpeg2000,
    Codec.HTJ2K: decode_htj2k,
    Codec.JPEG_XL: decode_jpegxl,
}


def decode(frame: bytes, transfer_syntax_uid: str, format: PixelFormat) -> Decoded:
    """The values of one frame, in the type of the format.

    Native frames come little-endian and begin with a byte, whatever the transfer syntax.
    Undecodable where nothing decodes it, where the codestream contradicts the format,
    and where it is damaged.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax.decoder is None:
        raise Undecodable(f"nothing here decodes {_named(syntax)}")
    check_size(format)
    try:
        found = DECODERS[syntax.decoder](frame, format)
        return found if isinstance(found, Decoded) else fit(found, format)
    except ArchiveError:
        raise
    except Exception as error:
        raise Undecodable(f"a damaged frame of {_named(syntax)}: {error}") from error


def _named(syntax: TransferSyntax) -> str:
    return f"{syntax.name} ({syntax.uid})"
