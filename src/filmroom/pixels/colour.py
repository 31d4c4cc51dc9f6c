"""From stored samples to red, green and blue of 8 bits (PS3.3 §C.7.6.3.1.2)."""

from __future__ import annotations

from colorsys import hsv_to_rgb

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from filmroom.dicom.pixel_format import (
    PALETTE_COLOR,
    RGB,
    YBR_FULL,
    YBR_FULL_422,
    YBR_ICT,
    YBR_RCT,
    PixelFormat,
)
from filmroom.errors import Undecodable
from filmroom.model.instance import Attributes
from filmroom.pixels.palette import coloured
from filmroom.pixels.values import Values

Colours = NDArray[np.uint8]
"""(rows, columns, 3)."""

AS_THEY_ARE = (RGB, YBR_ICT, YBR_RCT)  # decoders of JPEG 2000 have undone its own transforms
FULL = (YBR_FULL, YBR_FULL_422)
PARTIAL = "YBR_PARTIAL_"

# ITU-R BT.601: luminance of 16 to 235, colour differences of 16 to 240 about 128.
FROM_PARTIAL_ZERO = np.array([16, 128, 128], np.float32)
FROM_PARTIAL = np.array(
    [
        [255 / 219, 255 / 219, 255 / 219],
        [0, -0.344136 * 255 / 224, 1.772 * 255 / 224],
        [1.402 * 255 / 224, -0.714136 * 255 / 224, 0],
    ],
    np.float32,
)


def is_coloured(photometric: str, format: PixelFormat) -> bool:
    """Whether values are colours rather than shades of grey."""
    return format.samples > 1 or photometric == PALETTE_COLOR


def channels(
    values: Values, photometric: str, attributes: Attributes, format: PixelFormat
) -> tuple[Colours, str]:
    """Three channels of 8 bits, and what they mean: as stored, where that can be scaled so."""
    if photometric == PALETTE_COLOR and format.samples == 1:
        return coloured(values, attributes), RGB
    bytes_ = _eight_bits(values, format)
    match photometric:
        case "HSV":
            return _from_hsv(bytes_), RGB
        case "ARGB" if format.samples == 4:  # retired; what lies under it shows nowhere
            return bytes_[..., 1:4], RGB
        case "CMYK" if format.samples == 4:
            light = 255 - bytes_.astype(np.uint16)
            return (light[..., :3] * light[..., 3:] // 255).astype(np.uint8), RGB
    if format.samples < 3:
        raise Undecodable(f"{photometric} of {format.samples} samples a pixel")
    return bytes_[..., :3], photometric


def rgb(picture: Colours, photometric: str) -> Colours:
    """Three channels as red, green and blue; what is unknown is taken for that."""
    if photometric in FULL:
        rows, columns = picture.shape[:2]
        data = np.ascontiguousarray(picture)
        source = Pillow.frombuffer("YCbCr", (columns, rows), data, "raw", "YCbCr", 0, 1)
        return np.asarray(source.convert("RGB"))
    if photometric.startswith(PARTIAL):
        shades = np.matmul(picture - FROM_PARTIAL_ZERO, FROM_PARTIAL)
        np.clip(shades + 0.5, 0, 255, out=shades)
        converted: Colours = shades.astype(np.uint8)
        return converted
    return picture


def _eight_bits(values: Values, format: PixelFormat) -> NDArray[np.uint8]:
    """The samples scaled to 8 bits."""
    if format.bits_stored == 8 and values.dtype.itemsize == 1:
        return values.view(np.uint8)
    if values.dtype.kind not in "iu":
        raise Undecodable("colours that are no whole numbers")
    unsigned = np.dtype(f"u{values.dtype.itemsize}")
    if values.dtype.itemsize > 2:
        return (values.view(unsigned) >> max(format.bits_stored - 8, 0)).astype(np.uint8)
    most = (1 << format.bits_stored) - 1
    steps = np.arange(1 << (8 * values.dtype.itemsize), dtype=np.uint32)
    table = ((steps & most) * 255 + most // 2) // most
    return table.astype(np.uint8).take(values.view(unsigned))


def _from_hsv(picture: NDArray[np.uint8]) -> Colours:
    """Hue, saturation and value, each scaled to 8 bits (retired)."""
    colours, where = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
    table = [hsv_to_rgb(*colour) for colour in (colours / 255).tolist()]
    return (np.array(table) * 255 + 0.5).astype(np.uint8)[where].reshape(picture.shape)
