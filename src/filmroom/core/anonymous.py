"""Whether pixels may be shown to somebody who must not know whose they are (PS3.15 §E.3.1)."""

from __future__ import annotations

from filmroom.core.archive import Archive
from filmroom.core.image import image_of
from filmroom.errors import NotAcceptable
from filmroom.model.instance import Attributes, Located

BURNED_IN_ANNOTATION = "00280301"
MODALITY = "00080060"
UNWRITTEN = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities whose images have no text in their pixels unless the data set says so."""
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"""What the classes of pictures of screens begin with."""


def check_anonymous(archive: Archive, located: Located) -> None:
    """NotAcceptable if identifying text may be part of an instance's pixels."""
    attributes = image_of(archive, located).attributes
    told = _first(attributes, BURNED_IN_ANNOTATION).upper()
    captured = located.sop_class.startswith(SECONDARY_CAPTURE)
    unwritten = _first(attributes, MODALITY) in UNWRITTEN and not captured
    if told == "NO" or (unwritten and not told):
        return
    raise NotAcceptable(
        f"instance {located.ref.instance} may show whose it is in its pixels, and is not shown"
        " anonymized"
    )


def _first(attributes: Attributes, tag: str) -> str:
    values = attributes.get(tag, {}).get("Value") or [""]
    return str(values[0] or "").strip()
