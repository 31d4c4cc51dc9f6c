"""Pictures as JPEG files, written by Pillow: the server has that loaded, and no codec."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image as Pillow

from filmroom.pixels.viewport import Picture

FULL_COLOUR = 90
"""JPEG quality from which on colour is kept at full resolution."""


def jpeg_file(picture: Picture, quality: int, profile: bytes | None = None) -> bytes:
    """A JPEG file, with an ICC profile if there is one."""
    return save(
        picture,
        "JPEG",
        quality=quality,
        subsampling="4:4:4" if quality >= FULL_COLOUR else "4:2:0",
        icc_profile=profile,
    )


def save(picture: Picture, form: str, **options: object) -> bytes:
    """A picture in a form that Pillow knows."""
    out = BytesIO()
    Pillow.fromarray(np.ascontiguousarray(picture)).save(out, form, **options)
    return out.getvalue()
