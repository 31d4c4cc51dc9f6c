"""Kinds of objects by SOP class: what an icon says, and what is an image (PS3.4 Table B.5-1)."""

from __future__ import annotations

_STORAGE = "1.2.840.10008.5.1.4.1.1."

WHOLE_SLIDE = _STORAGE + "77.1.6"

PRESENTATION_STATES = frozenset(f"{_STORAGE}11.{number}" for number in (1, 2, 3))
"""Those that say how images that exist are to be shown: grayscale, colour, pseudo-colour
softcopy presentation states (PS3.3 §A.33)."""

SEGMENTATIONS = frozenset({_STORAGE + "66.4", _STORAGE + "66.7"})

DERIVED = SEGMENTATIONS | {_STORAGE + "30", _STORAGE + "481.2"}
"""What has pixels but shows less than the images it was made from: segmentations,
parametric maps, dose."""

_KINDS = (
    ("88.59", "KO"),
    ("88.", "SR"),
    ("11.", "PR"),
    ("9.1.", "ECG"),
    ("66.1", "REG"),
    ("66.2", "FID"),
    ("66.3", "REG"),
    ("66.", "SEG"),
    ("30", "PMAP"),
    ("91.1", "ANN"),
    ("481.2", "RTDOSE"),
    ("481.3", "RTSTRUCT"),
    ("481.5", "RTPLAN"),
    ("481.8", "RTPLAN"),
    ("481.4", "RTRECORD"),
    ("481.6", "RTRECORD"),
    ("481.7", "RTRECORD"),
    ("481.9", "RTRECORD"),
    ("104.1", "PDF"),
    ("104.2", "CDA"),
    ("104.3", "STL"),
    ("104.4", "OBJ"),
    ("104.5", "MTL"),
)


def kind_of(sop_class: str) -> str:
    """The kind of an object by its SOP class; "" where only its Modality tells.

    A prefix that ends in a dot stands for a whole family, any other for one class.
    """
    if not sop_class.startswith(_STORAGE):
        return ""
    suffix = sop_class.removeprefix(_STORAGE)
    for known, kind in _KINDS:
        if suffix == known or (known.endswith(".") and suffix.startswith(known)):
            return kind
    return ""
