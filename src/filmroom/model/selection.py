"""Selection: the study, series or instance that a request names."""

from __future__ import annotations

from dataclasses import dataclass

from filmroom.dicom.levels import Level


@dataclass(frozen=True, slots=True)
class Selection:
    """A study, one series of it, or one instance of that series.

    `Selection()` names nothing in particular: everything.
    """

    study: str | None = None
    series: str | None = None
    instance: str | None = None

    @property
    def level(self) -> Level:
        """The deepest level that is named; PATIENT if none is."""
        if self.instance is not None:
            return Level.IMAGE
        if self.series is not None:
            return Level.SERIES
        return Level.STUDY if self.study is not None else Level.PATIENT

    def __str__(self) -> str:
        named = (("study", self.study), ("series", self.series), ("instance", self.instance))
        return " ".join(f"{word} {uid}" for word, uid in named if uid) or "everything"
