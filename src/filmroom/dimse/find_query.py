"""Identifier → Query: what a C-FIND asks (PS3.4 §C.4.1.1, §C.2.2.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from filmroom.core.patients import COUNTS, PATIENT_TAGS
from filmroom.dicom.attributes import (
    BY_TAG,
    INSTANCE_AVAILABILITY,
    INSTANCE_UID,
    PATIENT_ID,
    SERIES_UID,
    STUDY_UID,
    Attribute,
)
from filmroom.dicom.datasets import CHARSET, Told
from filmroom.dicom.identifiers import DEEPEST, key_text
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import Bounds, Universal, parse_key
from filmroom.errors import Malformed
from filmroom.model.instance import Attributes
from filmroom.model.query import Match, Query
from filmroom.settings.limits import LimitSettings

LEVEL = "00080052"
VIEW = "00080053"
RETRIEVE_AET = "00080054"
TIMEZONE = "00080201"
ABOUT_THE_QUERY = frozenset({CHARSET, LEVEL, VIEW, RETRIEVE_AET})
"""Tags that say how to search; what is answered to them the answer knows itself."""
PASSED_OVER = frozenset({INSTANCE_AVAILABILITY, "00880130", "00880140", "00081190", TIMEZONE})
"""Tags whose values match nothing: availability and media, where to retrieve from, and the zone."""
UNIQUE = {
    Level.PATIENT: PATIENT_ID,
    Level.STUDY: STUDY_UID,
    Level.SERIES: SERIES_UID,
    Level.IMAGE: INSTANCE_UID,
}
MOST_KEYS = 2000  # elements of an identifier, those in items included


class Mismatch(Malformed):
    """The identifier does not fit the SOP class."""


@dataclass(frozen=True, slots=True)
class Options:
    """What extended negotiation settled (PS3.4 Table C.5.1.1-1)."""

    combined: bool = False
    """Ranges of a date and its time mean one range of moments."""
    fuzzy: bool = False
    """Fuzzy semantic matching of person names."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is told of one attribute."""

    vr: str
    items: dict[str, Wanted] = field(default_factory=dict)
    """Of a sequence: what is told of its items; {} is all that is known of them."""


@dataclass(frozen=True, slots=True)
class Question:
    """A C-FIND as it is to be answered."""

    query: Query
    wanted: dict[str, Wanted]
    """What is told of each match, by tag and in the order of tags."""
    charset: str
    r"""Specific Character Set that it came in, values joined by `\`."""


def read_question(
    told: Told, levels: frozenset[Level], options: Options, limits: LimitSettings
) -> Question:
    """What an identifier asks; raises Mismatch, and Malformed for a key that no VR allows.

    Keys that are not known or cannot be matched end up in `ignored`. A key of any other level
    is taken for what it says, whether relational queries were negotiated or not.
    """
    level = _level(told.attributes, levels)
    bounds = Bounds(limits.max_wildcard, limits.max_list_values, commas=False)
    reading = _Reading(level, options, bounds)
    wanted = reading.items(told.attributes)
    for above, tag in UNIQUE.items():
        if above <= level and (above in levels or above is Level.PATIENT):
            wanted.setdefault(tag, Wanted(BY_TAG[tag].vr))
    query = Query(
        level,
        matching=tuple(reading.matching),
        include=frozenset(wanted),
        combined=options.combined,
        bare=True,
        ignored=tuple(dict.fromkeys(reading.ignored)),
    )
    return Question(query, dict(sorted(wanted.items())), told.charset)


def _level(attributes: Attributes, levels: frozenset[Level]) -> Level:
    word = key_text(attributes.get(LEVEL, {})).strip().upper()
    level = next((level for level in levels if level.name == word), None)
    if level is None:
        names = ", ".join(level.name for level in sorted(levels))
        raise Mismatch(f"the query/retrieve level is none of {names}")
    return level


class _Reading:
    """One pass over an identifier."""

    def __init__(self, level: Level, options: Options, bounds: Bounds) -> None:
        self._level = level
        self._options = options
        self._bounds = bounds
        self._count = 0
        self.matching: list[Match] = []
        self.ignored: list[str] = []

    def items(self, attributes: Attributes, above: str = "") -> dict[str, Wanted]:
        """What is wanted of a data set or of a sequence's items; keys are noted."""
        self._count += len(attributes)
        if self._count > MOST_KEYS:
            raise Malformed(f"an identifier of more than {MOST_KEYS} elements")
        wanted = {}
        for tag, element in attributes.items():
            if above or tag not in ABOUT_THE_QUERY:
                for one in self._wanted(tag, above + tag, element):
                    wanted[tag] = one
        return wanted

    def _wanted(self, tag: str, path: str, element: Attributes) -> Iterator[Wanted]:
        known = BY_TAG.get(path)
        if self._level is Level.PATIENT and path in COUNTS:
            yield Wanted("IS")
            return
        if element["vr"] == "SQ" or (known is not None and known.vr == "SQ"):
            yield from self._sequence(tag, path, known, element)
            return
        if known is None:
            self.ignored.append(path)
            return
        self._match(known, element)
        if self._is_told(known):
            yield Wanted(known.vr)

    def _sequence(
        self, tag: str, path: str, known: Attribute | None, element: Attributes
    ) -> Iterator[Wanted]:
        """Sequence matching (PS3.4 §C.2.2.2.6)."""
        values = [item for item in element.get("Value", ()) if isinstance(item, dict)]
        if len(values) > 1:
            raise Malformed(f"{_named(tag)}: a key of {len(values)} items")
        if path.count(".") > DEEPEST:
            raise Malformed(f"sequences nested more than {DEEPEST} deep")
        if known is None:
            self.ignored.append(path)
            return
        inside = self.items(values[0], f"{path}.") if values else {}
        if self._is_told(known):
            yield Wanted("SQ", inside)

    def _match(self, known: Attribute, element: Attributes) -> None:
        text = key_text(element)
        if known.path in PASSED_OVER:
            return
        if not known.matchable:
            if text.strip("* "):
                self.ignored.append(known.path)
            return
        try:
            key = parse_key(known.vr, text, fuzzy=self._options.fuzzy, bounds=self._bounds)
        except Malformed as error:
            raise Malformed(f"{known.keyword}: {error}") from None
        if not isinstance(key, Universal):
            self.matching.append(Match(known.path, key))

    def _is_told(self, known: Attribute) -> bool:
        """Whether the searched level knows the attribute."""
        if self._level is Level.PATIENT:
            return known.top in PATIENT_TAGS
        return known.level <= self._level


def _named(tag: str) -> str:
    return f"({tag[:4]},{tag[4:]})"
