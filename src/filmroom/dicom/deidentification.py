"""De-identification: what is done with which attribute (PS3.15 Annex E)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from filmroom.dicom.deidentification_table import BESIDE, BY_VR, SAFE_PRIVATE, TABLE
from filmroom.dicom.scan_dictionary import public_vr, turned

PLANES = frozenset({0x50, 0x60})
"""First bytes of the groups of curves and overlays, which go whole."""
FIRST_GROUP = 0x0008
"""What is below is no part of a data set: commands, file meta information, directories."""


class Dates(Enum):
    """What becomes of dates and times."""

    REMOVED = "removed"
    SHIFTED = "shifted"
    """All dates of a patient by the same number of days; times of day stay."""
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the Basic Application Level Confidentiality Profile (PS3.15 §E.3).

    Without any, the profile alone is applied.
    """

    dates: Dates = Dates.REMOVED
    """Retain Longitudinal Temporal Information, with full or modified dates."""
    patient: bool = False
    """Retain Patient Characteristics: age, sex, size, weight, smoking and such."""
    uids: bool = False
    """Retain UIDs."""
    device: bool = False
    """Retain Device Identity."""
    institution: bool = False
    """Retain Institution Identity."""
    private: bool = False
    """Retain Safe Private: attributes that are known, or said in the data set, to be safe."""
    descriptors: bool = False
    """Clean Descriptors: of free text, words that are known to identify nobody stay."""
    content: bool = False
    """Clean Structured Content: what a report says in codes, numbers and references stays."""
    graphics: bool = False
    """Clean Graphics: shapes of presentation states stay, their texts do not; no overlays."""

    @property
    def codes(self) -> Iterator[tuple[str, str]]:
        """Code and meaning of what is done (PS3.16 CID 7050)."""
        yield "113100", "Basic Application Confidentiality Profile"
        for done, code, meaning in (
            (self.graphics, "113103", "Clean Graphics Option"),
            (self.content, "113104", "Clean Structured Content Option"),
            (self.descriptors, "113105", "Clean Descriptors Option"),
            (self.dates is Dates.KEPT, "113106", f"{_LONGITUDINAL} Full Dates Option"),
            (self.dates is Dates.SHIFTED, "113107", f"{_LONGITUDINAL} Modified Dates Option"),
            (self.patient, "113108", "Retain Patient Characteristics Option"),
            (self.device, "113109", "Retain Device Identity Option"),
            (self.uids, "113110", "Retain UIDs Option"),
            (self.private, "113111", "Retain Safe Private Option"),
            (self.institution, "113112", "Retain Institution Identity Option"),
        ):
            if done:
                yield code, meaning

    @property
    def temporal(self) -> str:
        """The value of Longitudinal Temporal Information Modified (0028,0303)."""
        return {Dates.KEPT: "UNMODIFIED", Dates.SHIFTED: "MODIFIED"}.get(self.dates, "REMOVED")


_LONGITUDINAL = "Retain Longitudinal Temporal Information"


class Action(Enum):
    """What is done with one attribute (PS3.15 Table E.1-1a)."""

    REMOVE = "X"
    EMPTY = "Z"
    REPLACE = "D"
    """By something that means nothing, if there is a value."""
    MAP = "U"
    """Each UID by one that stands for it wherever it is."""
    KEEP = "K"
    """As it is; of a sequence what its items hold is dealt with by itself."""
    CLEAN = "C"
    SHIFT = "shift"


_BASIC = {
    "X": Action.REMOVE, "Z": Action.EMPTY, "D": Action.REPLACE, "U": Action.MAP,
    "K": Action.KEEP, "Z/D": Action.REPLACE, "X/Z": Action.EMPTY, "X/D": Action.REPLACE,
    "X/Z/D": Action.REPLACE, "X/Z/U*": Action.MAP,
}  # fmt: skip
"""Where an action depends on the type in an IOD, the one that is right in all of them."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: the profile's action, and the options that say otherwise."""

    basic: Action
    words: tuple[str, ...] = ()

    def action(self, options: Options) -> Action:
        """What is done under these options; to shift a date comes before to keep it."""
        found = {self._under(word, options) for word in self.words}
        order = (Action.SHIFT, Action.KEEP, Action.CLEAN)
        return next((each for each in order if each in found), self.basic)

    @staticmethod
    def _under(word: str, options: Options) -> Action | None:
        name, _, cleaned = word.partition("/")
        if name == "dates":
            return {Dates.KEPT: Action.KEEP, Dates.SHIFTED: Action.SHIFT}.get(options.dates)
        if not getattr(options, name):
            return None
        if cleaned or name in ("descriptors", "content", "graphics"):
            return Action.CLEAN
        return Action.KEEP


def _groups(text: str) -> Iterator[tuple[Row, list[str]]]:
    """The groups of a table: what its heading says, and the names below it."""
    row, names = Row(Action.KEEP), list[str]()
    for line in text.strip().splitlines():
        heading, colon, rest = line.partition(":")
        if not colon:
            names += line.split()
            continue
        yield row, names
        basic, *words = heading.split()
        row, names = Row(_BASIC[basic], tuple(words)), rest.split()
    yield row, names


def _rows(text: str) -> Mapping[int, Row]:
    return {int(name, 16): row for row, names in _groups(text) for name in names if "x" not in name}


STANDARD = _rows(TABLE)
"""Table E.1-1, but for repeating groups, by tag."""
ROWS = {**STANDARD, **_rows(BESIDE)}
_VRS = {vr: row for row, vrs in _groups(BY_VR) for vr in vrs}
_KEPT = Row(Action.KEEP)
SAFE = frozenset(
    (creator, int(name[:4], 16), int(name[4:], 16))
    for creator, _, names in (line.partition(":") for line in SAFE_PRIVATE.strip().splitlines())
    for name in names.split()
)
"""Creator, group, and element within a block, of private attributes without identity."""


@lru_cache(maxsize=1 << 14)
def row_of(tag: int) -> Row:
    """What holds for a standard attribute; one that no dictionary knows goes."""
    found = ROWS.get(tag)
    if found is not None:
        return found
    vr = public_vr(turned(tag))
    if tag >> 24 in PLANES or tag >> 16 < FIRST_GROUP or vr == "UN":
        return Row(Action.REMOVE)
    return _VRS.get(vr, _KEPT)
