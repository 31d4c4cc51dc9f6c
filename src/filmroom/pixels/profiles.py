"""ICC profiles: what a picture's colours mean, and turning them into others (PS3.3 §C.11.15).

The well-known profiles are computed from the numbers of their specifications.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms

from filmroom.model.instance import Attributes
from filmroom.model.rendering import IccProfile
from filmroom.pixels.elements import binary, item

ICC_PROFILE = "00282000"
OPTICAL_PATHS = "00480105"
MOST_BYTES = 4 << 20
"""Of an image's profile; a larger one is left aside."""
CREATED = slice(24, 36)
"""Where a profile's header has its date and time."""
LONG_AGO = bytes.fromhex("07d0 0001 0001 0000 0000 0000")

D65 = (0.3127, 0.3290, 1.0)
D50 = (0.3457, 0.3585, 1.0)
DISPLAY_P3 = (0.680, 0.320, 1.0, 0.265, 0.690, 1.0, 0.150, 0.060, 1.0)
ROMM = (0.7347, 0.2653, 1.0, 0.1596, 0.8404, 1.0, 0.0366, 0.0001, 1.0)
STEPS = np.linspace(0, 1, 256)


def in_profile(
    colours: NDArray[np.uint8], sources: Sequence[Attributes], wanted: IccProfile
) -> tuple[NDArray[np.uint8], bytes | None]:
    """Red, green and blue as the profile asked for means them, and the profile to embed.

    The colours are those of the first of the data sets with a profile; without any they
    are taken for sRGB.
    """
    if wanted is IccProfile.NO:
        return colours, None
    own = next(filter(None, map(own_profile, sources)), None)
    if wanted is IccProfile.YES:
        return colours, own or well_known(IccProfile.SRGB)
    target = well_known(wanted)
    if (own or well_known(IccProfile.SRGB)) == target:
        return colours, target
    transform = _transform(own or well_known(IccProfile.SRGB), target)
    picture = Pillow.fromarray(np.ascontiguousarray(colours))
    return np.asarray(ImageCms.applyTransform(picture, transform)), target


def own_profile(attributes: Attributes) -> bytes | None:
    """The image's own profile of red, green and blue, or its optical path's, if it can be read."""
    path = item(attributes, OPTICAL_PATHS)
    profile = binary(attributes, ICC_PROFILE) or binary(path, ICC_PROFILE)
    if not profile or len(profile) > MOST_BYTES or not _is_of_rgb(profile):
        return None
    return profile


@lru_cache(maxsize=8)
def _is_of_rgb(profile: bytes) -> bool:
    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        usable = opened.profile.xcolor_space.strip() == "RGB"
        if usable:
            _transform(profile, well_known(IccProfile.SRGB))
    except (OSError, ImageCms.PyCMSError):
        return False
    return usable


@lru_cache(maxsize=8)
def _transform(source: bytes, target: bytes) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(BytesIO(source)),
        ImageCms.ImageCmsProfile(BytesIO(target)),
        "RGB",
        "RGB",
        ImageCms.Intent.PERCEPTUAL,
    )


@lru_cache(maxsize=8)
def well_known(name: IccProfile) -> bytes:
    """A profile by its name; always the same bytes."""
    match name:
        case IccProfile.ADOBE_RGB:
            made = imagecodecs.cms_profile("adobergb")
        case IccProfile.DISPLAY_P3:
            made = imagecodecs.cms_profile(
                "rgb", whitepoint=D65, primaries=DISPLAY_P3, transferfunction=_srgb_curve()
            )
        case IccProfile.ROMM_RGB:
            made = imagecodecs.cms_profile(
                "rgb", whitepoint=D50, primaries=ROMM, transferfunction=_romm_curve()
            )
        case _:
            made = imagecodecs.cms_profile("srgb")
    dated = bytearray(made)
    dated[CREATED] = LONG_AGO
    return bytes(dated)


def _srgb_curve() -> NDArray[np.float32]:
    """From code values to light (IEC 61966-2-1)."""
    light = np.where(STEPS <= 0.04045, STEPS / 12.92, ((STEPS + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


def _romm_curve() -> NDArray[np.float32]:
    """From code values to light (ISO 22028-2)."""
    return np.where(STEPS < 16 / 512, STEPS / 16, STEPS**1.8).astype(np.float32)
