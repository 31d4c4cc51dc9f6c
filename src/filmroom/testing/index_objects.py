"""Instances for tests of an index, made of nothing but the attributes that a test names."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson

from filmroom.dicom.attributes import BY_KEYWORD
from filmroom.dicom.bulk import BulkIndex, BulkValue
from filmroom.dicom.frames import FrameIndex, Span
from filmroom.model.instance import Attributes, Instance, InstanceRef

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


def elements(**values: Any) -> Attributes:  # whatever DICOM JSON may hold
    """A data set of keywords; a list is several values, a string for PN its alphabetic group.

    A keyword inside a sequence is spelled `Sequence__Keyword`.
    """
    made: Attributes = {}
    for keyword, value in values.items():
        attribute = BY_KEYWORD[keyword.replace("__", ".")]
        several = value if isinstance(value, list) else [value]
        if attribute.vr == "PN":
            several = [{"Alphabetic": one} if isinstance(one, str) else one for one in several]
        inner: Attributes = {attribute.tag: {"vr": attribute.vr, "Value": several}}
        *above, _ = attribute.path.split(".")
        for tag in reversed(above):
            inner = {tag: {"vr": "SQ", "Value": [inner]}}
        _join(made, inner)
    return made


def _join(made: Attributes, more: Attributes) -> None:
    for tag, element in more.items():
        if tag in made and element["vr"] == "SQ":
            _join(made[tag]["Value"][0], element["Value"][0])
        else:
            made[tag] = element


def instance(
    uid: str = "1.1.1",
    *,
    series: str = "1.1",
    study: str = "1",
    version: str = "",
    received: float | None = None,
    size: int = 1000,
    sop_class: str = CT_IMAGE,
    frames: int = 1,
    **values: Any,  # as `elements`
) -> Instance:
    """An instance as a store would hand it to the index; another `version` has other bytes."""
    attributes = elements(**values)
    ref = InstanceRef(study, series, uid)
    whole = {
        **attributes,
        **elements(StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=uid),
        "00091001": {"vr": "LO", "Value": [version]},
    }
    metadata = orjson.dumps(whole)
    return Instance(
        ref=ref,
        sop_class=sop_class,
        transfer_syntax=EXPLICIT_LITTLE,
        key=sha256(metadata + repr(ref).encode()).hexdigest(),
        size=size,
        attributes=attributes,
        metadata=metadata,
        frames=FrameIndex([(Span(100 + number * 50, 50),) for number in range(frames)]),
        bulk=BulkIndex([BulkValue("00420011", "OB", (Span(10, 20),))]),
        received=_clock() if received is None else received,
        source="test:",
    )


def _clock() -> float:
    """Seconds that rise from one instance to the next."""
    global _now  # a clock
    _now += 1.0
    return _now


_now = 1_700_000_000.0
