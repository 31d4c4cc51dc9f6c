"""The query/retrieve levels and what each is nested in (PS3.4 §C.6)."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """A level of the patient-study-series-instance tree; deeper is greater."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    IMAGE = 3
