"""Which instance stands for a study or a series (PS3.18 §10.4.1.1.3, §10.4.1.1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from filmroom.core.archive import Archive
from filmroom.core.image import image_of
from filmroom.core.retrieve import select
from filmroom.dicom.kinds import DERIVED, WHOLE_SLIDE
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.model.instance import Located
from filmroom.model.selection import Selection

IMAGE_TYPE = "00080008"
FLAVOR = 2  # which value of Image Type says what a slide's image is (PS3.3 §C.8.12.4.1.1)
SLIDES = 16
"""Instances of a slide that are looked at, those with the fewest frames first."""


def representative(archive: Archive, selection: Selection) -> Located:
    """The instance that stands for a selection; NotFound if it holds nothing.

    Of a study the series with the most frames speaks, what was derived from images only
    if there is nothing else. Of a series it is the image in the middle.
    """
    found = select(archive, selection)
    if len(found) == 1:
        return found[0]
    series = [list(each) for _, each in groupby(found, lambda one: one.ref.series)]
    return _of_series(archive, min(series, key=_rank))


def is_picture(located: Located) -> bool:
    """Whether an instance has frames that can be drawn one by one."""
    return located.number_of_frames > 0 and not transfer_syntax(located.transfer_syntax).video


def _rank(series: Sequence[Located]) -> tuple[bool, bool, int]:
    """The least is the best; the first of those that are alike."""
    pictures = _pictures(series)
    derived = all(one.sop_class in DERIVED for one in pictures)
    return not pictures, derived, -sum(one.number_of_frames for one in pictures)


def _of_series(archive: Archive, series: Sequence[Located]) -> Located:
    pictures = _pictures(series) or series
    if all(one.sop_class == WHOLE_SLIDE for one in pictures):
        return _of_slide(archive, pictures)
    return pictures[len(pictures) // 2]


def _pictures(series: Iterable[Located]) -> list[Located]:
    return [one for one in series if is_picture(one)]


def _of_slide(archive: Archive, images: Sequence[Located]) -> Located:
    """The slide at its smallest; never its label, which names the patient."""
    by_size = sorted(images, key=lambda one: one.number_of_frames)[:SLIDES]
    by_flavor: dict[str, Located] = {}
    for one in by_size:
        values = image_of(archive, one).attributes.get(IMAGE_TYPE, {}).get("Value", [])
        flavor = str(values[FLAVOR]) if len(values) > FLAVOR else ""
        by_flavor.setdefault(flavor, one)
        if flavor in ("THUMBNAIL", "VOLUME"):
            break
    return by_flavor.get("THUMBNAIL") or by_flavor.get("VOLUME") or by_size[0]
