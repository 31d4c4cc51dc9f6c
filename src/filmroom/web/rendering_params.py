"""Query string → Rendering: of WADO-RS (PS3.18 §8.3.5.1) and of WADO-URI (PS3.18 §9.4.1).

Each parameter is optional and given at most once; an empty one counts as not given. What
cannot be read is Malformed, and the message names the parameter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from starlette.datastructures import QueryParams

from filmroom.errors import Malformed
from filmroom.model.instance import InstanceRef
from filmroom.model.rendering import (
    Annotation,
    IccProfile,
    Region,
    Rendering,
    Viewport,
    VoiFunction,
    Window,
)
from filmroom.settings.pixels import PixelSettings
from filmroom.web.request import read_uid

TO_THE_EDGE = math.inf
"""Width or height of a region that says none: all that is left of the image."""

RENDERED_PARAMETERS = (
    "accept",
    "annotation",
    "charset",
    "iccprofile",
    "overlays",
    "presentationSeriesUID",
    "presentationUID",
    "quality",
    "viewport",
    "window",
)
"""What can be said of rendered resources."""

THUMBNAIL_PARAMETERS = ("accept", "charset", "viewport")

_ONCE = frozenset(
    {
        "annotation",
        "columns",
        "frameNumber",
        "iccprofile",
        "imageQuality",
        "overlays",
        "presentationSeriesUID",
        "presentationUID",
        "quality",
        "region",
        "rows",
        "viewport",
        "window",
        "windowCenter",
        "windowWidth",
    }
)
_INTEGER = re.compile(r"\+?[0-9]{1,9}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,16}\.?[0-9]{0,16}|\.[0-9]{1,16})(?:[eE][+-]?[0-9]{1,2})?")
Word = TypeVar("Word", bound=StrEnum)
_LARGEST = 1e15  # of a number that a request may say: beyond no stored value reaches
_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Asked:
    """How a request wants something shown."""

    rendering: Rendering
    presentation: InstanceRef | None = None
    """The presentation state to apply."""


def read_rendering(query: QueryParams, study: str, settings: PixelSettings) -> Asked:
    """What WADO-RS's parameters ask for."""
    given = _given(query)
    presentation = _presentation(given, study)
    window = _window(given["window"]) if "window" in given else None
    _alone(presentation, window)
    rendering = Rendering(
        viewport=_viewport(given.get("viewport", ""), settings.rendered_pixels),
        window=window,
        quality=_quality(given, "quality", settings),
        annotations=_annotations(given.get("annotation", "")),
        icc_profile=_word(given, "iccprofile", IccProfile, IccProfile.NO),
        overlays=_flag(given, "overlays", settings.burn_overlays),
    )
    return Asked(rendering, presentation)


def read_thumbnail(query: QueryParams, size: int, settings: PixelSettings) -> Rendering:
    """What may be asked of a thumbnail: a viewport of two sides (PS3.18 Table 10.4.1-5).

    Without one it fits a square of `size`. Nothing is enlarged, and nothing is written on it.
    """
    viewport = _viewport(_given(query).get("viewport", ""), settings.rendered_pixels)
    if viewport.region or viewport.flip_horizontal or viewport.flip_vertical:
        raise Malformed("viewport of a thumbnail is width,height: it shows the whole image")
    if viewport.width is None and viewport.height is None:
        viewport = Viewport(size, size)
    return Rendering(viewport=viewport, quality=settings.lossy_quality, enlarge=False)


def read_wado_rendering(query: QueryParams, study: str, settings: PixelSettings) -> Asked:
    """What WADO-URI's parameters ask for; a region is in parts of the image's sides."""
    given = _given(query)
    presentation = _presentation(given, study)
    window = _center_and_width(given)
    _alone(presentation, window)
    if presentation and "region" in given:
        raise Malformed("region and presentationUID exclude each other")
    width, height = _side(given, "columns"), _side(given, "rows")
    _bound(width, height, settings.rendered_pixels)
    rendering = Rendering(
        viewport=Viewport(width, height),
        window=window,
        quality=_quality(given, "imageQuality", settings),
        annotations=_annotations(given.get("annotation", "")),
        overlays=_flag(given, "overlays", settings.burn_overlays),
    )
    return Asked(rendering, presentation)


def read_fractions(query: QueryParams) -> tuple[float, float, float, float] | None:
    """WADO-URI's region: left, top, right, bottom, each from 0 to 1 (PS3.18 §9.4.1.2.5)."""
    text = _given(query).get("region", "")
    if not text:
        return None
    edges = [_decimal(each, "region") for each in text.split(",")]
    if len(edges) != 4:
        raise Malformed("region is xmin,ymin,xmax,ymax")
    left, top, right, bottom = edges
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise Malformed("region must lie within 0,0,1,1 and not be empty")
    return left, top, right, bottom


def read_frame_number(query: QueryParams) -> int | None:
    """WADO-URI's frame number, from 1."""
    text = _given(query).get("frameNumber", "")
    if not text:
        return None
    if not _INTEGER.fullmatch(text) or int(text) < 1:
        raise Malformed("frameNumber is not a number from 1")
    return int(text)


def _given(query: QueryParams) -> dict[str, str]:
    """The parameters that have a value, without white space around it."""
    given: dict[str, str] = {}
    for name, value in query.multi_items():
        if name in given and name in _ONCE:
            raise Malformed(f"{name} is given more than once")
        if value.strip():
            given[name] = value.strip()
    return given


def _viewport(text: str, most: int) -> Viewport:
    """Parse `vw,vh[,sx,sy,sw,sh]`; elements may be empty (PS3.18 §8.3.5.1.3)."""
    if not text:
        return Viewport()
    elements = [element.strip() for element in text.split(",")]
    if not 2 <= len(elements) <= 6:
        raise Malformed("viewport is vw,vh or vw,vh,sx,sy,sw,sh")
    width, height = (_length(element, "viewport") for element in elements[:2])
    _bound(width, height, most)
    x, y, across, down = (
        _decimal(element, "viewport") if element else None
        for element in (*elements[2:], *[""] * (6 - len(elements)))
    )
    if min(x or 0, y or 0) < 0 or across == 0 or down == 0:
        raise Malformed("viewport: sx and sy must not be negative, nor sw and sh zero")
    region = None
    if any(each is not None for each in (x, y, across, down)):
        sides = [TO_THE_EDGE if each is None else abs(each) for each in (across, down)]
        region = Region(x or 0, y or 0, *sides)
    return Viewport(width, height, region, (across or 0) < 0, (down or 0) < 0)


def _length(text: str, name: str) -> int | None:
    """A side in pixels; None if it is not said."""
    if not text:
        return None
    if not _INTEGER.fullmatch(text) or not int(text):
        raise Malformed(f"{name}: a side must be a whole number of pixels from 1")
    return int(text)


def _side(given: Mapping[str, str], name: str) -> int | None:
    return _length(given.get(name, ""), name)


def _bound(width: int | None, height: int | None, most: int) -> None:
    if (width or 1) * (height or 1) > most:
        raise Malformed(f"a viewport may have {most} pixels at most (rendered_pixels)")


def _window(text: str) -> Window:
    """Parse `center,width[,function]` (PS3.18 §8.3.5.1.4)."""
    elements = [element.strip() for element in text.split(",")]
    if not 2 <= len(elements) <= 3:
        raise Malformed("window is center,width,function")
    function = VoiFunction.LINEAR
    if elements[2:]:
        function = _member(elements[2].replace("_", "-"), "window", VoiFunction)
    center, width = (_decimal(element, "window") for element in elements[:2])
    return _checked(Window(center, width, function), "window")


def _center_and_width(given: Mapping[str, str]) -> Window | None:
    names = ("windowCenter", "windowWidth")
    if not any(name in given for name in names):
        return None
    if not all(name in given for name in names):
        raise Malformed("windowCenter and windowWidth go together")
    center, width = (_decimal(given[name], name) for name in names)
    return _checked(Window(center, width), "windowWidth")


def _checked(window: Window, name: str) -> Window:
    """Widths as PS3.3 §C.11.2.1.2 and §C.11.2.1.3 have them."""
    if window.function is VoiFunction.LINEAR and window.width < 1:
        raise Malformed(f"{name}: the width of a linear window is 1 at least")
    if window.width <= 0:
        raise Malformed(f"{name}: the width must be greater than 0")
    return window


def _decimal(text: str, name: str) -> float:
    if not _DECIMAL.fullmatch(text.strip()) or abs(float(text)) > _LARGEST:
        raise Malformed(f"{name}: {'a value' if len(text) > 40 else repr(text)} is not a number")
    return float(text)


def _quality(given: Mapping[str, str], name: str, settings: PixelSettings) -> int:
    text = given.get(name, str(settings.lossy_quality))
    if not _INTEGER.fullmatch(text) or not 1 <= int(text) <= 100:
        raise Malformed(f"{name} is not a whole number from 1 to 100")
    return int(text)


def _annotations(text: str) -> frozenset[Annotation]:
    words = (word.strip() for word in text.split(","))
    return frozenset(_member(word, "annotation", Annotation) for word in words if word)


def _word(given: Mapping[str, str], name: str, words: type[Word], default: Word) -> Word:
    return _member(given[name], name, words) if name in given else default


def _member(text: str, name: str, words: type[Word]) -> Word:
    known: dict[str, Word] = {word.value: word for word in words}
    if text.lower() not in known:
        raise Malformed(f"{name} knows {', '.join(known)}")
    return known[text.lower()]


def _flag(given: Mapping[str, str], name: str, default: bool) -> bool:
    if name not in given:
        return default
    if given[name].lower() not in _WORDS:
        raise Malformed(f"{name} is neither yes nor no")
    return _WORDS[given[name].lower()]


def _presentation(given: Mapping[str, str], study: str) -> InstanceRef | None:
    """The presentation state that is named; it is of the same study (PS3.18 §9.4.1.2.7)."""
    names = ("presentationSeriesUID", "presentationUID")
    if not any(name in given for name in names):
        return None
    if not all(name in given for name in names):
        raise Malformed("presentationUID and presentationSeriesUID go together")
    return InstanceRef(study, *(read_uid(given[name], name) for name in names))


def _alone(presentation: InstanceRef | None, window: Window | None) -> None:
    if presentation and window:
        raise Malformed("a window and presentationUID exclude each other: the state has its own")
