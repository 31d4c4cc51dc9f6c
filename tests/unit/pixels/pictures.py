"""Images for tests of drawing, and what is in the pictures drawn of them."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from filmroom.dicom.transfer_syntaxes import EXPLICIT_LITTLE
from filmroom.model.instance import Attributes
from filmroom.model.pixels import Image
from filmroom.model.rendering import Rendering
from filmroom.pixels.draw import draw

PNG = Rendering(media_type="image/png")


def element(*values: Any, vr: str = "US") -> Attributes:
    """An element of the DICOM JSON Model."""
    return {"vr": vr, "Value": list(values)}


def bulk(data: bytes | NDArray[Any]) -> Attributes:
    """A bulk value that is in place."""
    return {"vr": "OW", "InlineBinary": b64encode(bytes(data)).decode()}


def native(pixels: NDArray[Any], **more: Any) -> tuple[Image, bytes]:
    """An image of these stored values, (rows, columns[, 3]), and its frame.

    Keywords are tags with a `t` before them, as in `t00281050`, and elements.
    """
    bits = pixels.dtype.itemsize * 8
    attributes = {
        "00280002": element(1 if pixels.ndim == 2 else pixels.shape[2]),
        "00280004": element("MONOCHROME2" if pixels.ndim == 2 else "RGB", vr="CS"),
        "00280010": element(pixels.shape[0]),
        "00280011": element(pixels.shape[1]),
        "00280100": element(bits),
        "00280101": element(bits),
        "00280102": element(bits - 1),
        "00280103": element(int(pixels.dtype.kind == "i")),
    }
    if pixels.dtype.kind == "f":
        attributes["7FE00008" if bits == 32 else "7FE00009"] = {"vr": "OF"}
    attributes |= {tag.removeprefix("t"): found for tag, found in more.items()}
    return Image(EXPLICIT_LITTLE, attributes), pixels.tobytes()


def opened(picture: bytes) -> NDArray[np.uint8]:
    """What a picture file shows: (rows, columns[, 3])."""
    return np.asarray(Pillow.open(BytesIO(picture)))


def shown(
    pixels: NDArray[Any], rendering: Rendering = PNG, *, frame: int = 1, **more: Any
) -> NDArray[np.uint8]:
    """The picture drawn of these stored values, as an array."""
    image, data = native(pixels, **more)
    return opened(draw([data], [frame], image, rendering))
