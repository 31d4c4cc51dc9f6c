"""Rendering: how pixels are to be shown (PS3.18 §8.3.5, §9.4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from filmroom.model.instance import Attributes


class VoiFunction(StrEnum):
    """VOI LUT functions as requests name them (PS3.3 §C.11.2.1.3)."""

    LINEAR = "linear"
    LINEAR_EXACT = "linear-exact"
    SIGMOID = "sigmoid"


class IccProfile(StrEnum):
    """Which ICC profile a rendered image carries (PS3.18 §8.3.5.1.5)."""

    NO = "no"
    YES = "yes"
    SRGB = "srgb"
    ADOBE_RGB = "adobergb"
    ROMM_RGB = "rommrgb"
    DISPLAY_P3 = "displayp3"


class Annotation(StrEnum):
    """What is burnt into a rendered image (PS3.18 §8.3.5.1.1)."""

    PATIENT = "patient"
    TECHNIQUE = "technique"


@dataclass(frozen=True, slots=True)
class Window:
    """A window to show values through, in modality units (after rescale)."""

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the source image in its pixels, from its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Viewport:
    """The box that the image is scaled into, its aspect ratio kept (PS3.18 §8.3.5.1.3)."""

    width: int | None = None
    """Pixels; None where only the other side is bounded, or none."""
    height: int | None = None
    region: Region | None = None
    """What is shown; None for the whole image."""
    flip_horizontal: bool = False
    flip_vertical: bool = False


@dataclass(frozen=True, slots=True)
class Rendering:
    """One way to show frames."""

    media_type: str = "image/jpeg"
    """image/jpeg, image/png, image/gif (several frames: animated), image/webp or image/jxl."""
    viewport: Viewport = Viewport()
    window: Window | None = None
    quality: int = 90
    """1 to 100, of lossy media types."""
    annotations: frozenset[Annotation] = frozenset()
    icc_profile: IccProfile = IccProfile.NO
    overlays: bool = False
    """Whether overlay planes (60xx) are burnt in."""
    presentation: Attributes | None = None
    """The data set of the presentation state to apply, its bulk values in place."""
    enlarge: bool = True
    """Whether an image smaller than the viewport is enlarged."""
