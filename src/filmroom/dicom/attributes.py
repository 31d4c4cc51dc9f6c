"""The one table of indexed attributes (PS3.18 §10.6.1.2, PS3.4 §C.6.2).

Everything that can be searched for, sorted by or returned by a search is a row
here: its tag, its keyword, its VR, the level it belongs to, and how it is kept.
Attributes inside sequences are named by a path, tags joined by ".".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from filmroom.dicom.attribute_table import INSTANCE, SERIES, STUDY
from filmroom.dicom.levels import Level

MODALITIES_IN_STUDY = "00080061"
SOP_CLASSES_IN_STUDY = "00080062"
INSTANCE_AVAILABILITY = "00080056"
RETRIEVE_URL = "00081190"
STUDY_RELATED_SERIES = "00201206"
STUDY_RELATED_INSTANCES = "00201208"
SERIES_RELATED_INSTANCES = "00201209"
PATIENT_NAME = "00100010"
PATIENT_ID = "00100020"
STUDY_DATE = "00080020"
STUDY_TIME = "00080030"
STUDY_UID = "0020000D"
SERIES_UID = "0020000E"
INSTANCE_UID = "00080018"
SOP_CLASS_UID = "00080016"
MODALITY = "00080060"
SERIES_NUMBER = "00200011"
INSTANCE_NUMBER = "00200013"


class Kept(StrEnum):
    """How a row of the table is kept, one letter each."""

    DEFAULT = "d"
    """Returned by default at its level."""
    COMPUTED = "c"
    """Made by the archive, not read from a data set."""
    FEW = "f"
    """Of an instance, but alike throughout a series: worth knowing series by series."""
    UNMATCHED = "u"
    """Returned, but no matching key."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One indexed attribute, or a sequence that holds indexed ones (`vr` is "SQ")."""

    path: str
    """Tag, or tags joined by "." inside sequences."""
    keyword: str
    """Keyword, or keywords joined by "." inside sequences."""
    vr: str
    level: Level
    """STUDY for the patient's attributes too: a patient is known by its studies."""
    default: bool = False
    """Returned although nobody asked for it."""
    computed: bool = False
    """Made by the archive, not read from a data set."""
    few: bool = False
    """Of an instance, but alike throughout a series."""
    matchable: bool = True
    """May be a matching key."""

    @property
    def tag(self) -> str:
        """The attribute's own tag, the last of its path."""
        return self.path.rpartition(".")[2]

    @property
    def top(self) -> str:
        """The first tag of its path: what a search returns."""
        return self.path.partition(".")[0]


def _read(level: Level, rows: str) -> list[Attribute]:
    read = []
    for row in rows.strip().splitlines():
        path, keyword, vr, *flags = row.split()
        kept = set(flags[0]) if flags else set()
        read.append(
            Attribute(
                path,
                keyword,
                vr,
                level,
                default=Kept.DEFAULT in kept,
                computed=Kept.COMPUTED in kept,
                few=Kept.FEW in kept,
                matchable=Kept.UNMATCHED not in kept and vr != "SQ",
            )
        )
    return read


ATTRIBUTES: tuple[Attribute, ...] = (
    *_read(Level.STUDY, STUDY),
    *_read(Level.SERIES, SERIES),
    *_read(Level.IMAGE, INSTANCE),
)
BY_TAG: dict[str, Attribute] = {attribute.path: attribute for attribute in ATTRIBUTES}
"""By tag, or by path for those inside sequences."""
BY_KEYWORD: dict[str, Attribute] = {attribute.keyword: attribute for attribute in ATTRIBUTES}
"""By keyword, or by keywords joined by "."."""
_KEYWORDS = {attribute.keyword.lower(): attribute for attribute in ATTRIBUTES}
_TAG_OF = {
    keyword: tag
    for attribute in ATTRIBUTES
    for keyword, tag in zip(
        attribute.keyword.lower().split("."), attribute.path.split("."), strict=True
    )
}
AT_LEVEL: dict[Level, tuple[Attribute, ...]] = {
    level: tuple(a for a in ATTRIBUTES if a.level == level) for level in Level
}


def attribute(name: str) -> Attribute | None:
    """The indexed attribute of a keyword, a tag, or a path of either; None if there is none.

    A path may mix the two: `00400275.ScheduledProcedureStepID`.
    """
    known = BY_TAG.get(name) or _KEYWORDS.get(name.lower())
    if known is not None:
        return known
    tags = [_TAG_OF.get(part.lower(), part.upper()) for part in name.split(".")]
    return BY_TAG.get(".".join(tags))


def defaults(level: Level) -> frozenset[str]:
    """Tags returned by default at a level."""
    return _DEFAULTS[level]


_DEFAULTS = {level: frozenset(a.top for a in AT_LEVEL[level] if a.default) for level in Level}

Cut = dict[str, "Cut | None"]
"""What is cut from a data set: tag → None for the whole element, or what of a sequence's items."""


def _tree(attributes: tuple[Attribute, ...]) -> Cut:
    tree: Cut = {}
    for one in attributes:
        if one.computed or one.vr == "SQ":
            continue
        *above, last = one.path.split(".")
        branch = tree
        for tag in above:
            below = branch.setdefault(tag, {})
            assert below is not None, one.path  # noqa: S101  # a sequence and a value under one tag
            branch = below
        branch[last] = None
    return tree


_WHOLE = _tree(ATTRIBUTES)
_WHOLE_TAGS = frozenset(_WHOLE)
_TAGS_AT = {level: frozenset(_tree(AT_LEVEL[level])) for level in Level}


def indexed(dataset: dict[str, Any]) -> dict[str, Any]:
    """The indexed attributes of all levels, cut from a complete data set.

    Elements without a value are left out. Elements are shared with the data set,
    sequences are cut to the attributes that the table names.
    """
    return _cut(dataset, _WHOLE, _WHOLE_TAGS)


def _cut(dataset: dict[str, Any], tree: Cut, tags: frozenset[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for tag in dataset.keys() & tags:
        element = dataset[tag]
        values = element.get("Value")
        if not values or _blank(values):
            continue
        below = tree[tag]
        if below is None:
            kept[tag] = element
            continue
        items = [_cut(item, below, frozenset(below)) for item in values if isinstance(item, dict)]
        if any(items):
            kept[tag] = {"vr": "SQ", "Value": [item for item in items if item]}
    return kept


def _blank(values: list[Any]) -> bool:
    return all(value is None or value in ("", {}) for value in values)


def at_level(attributes: dict[str, Any], level: Level) -> dict[str, Any]:
    """Those of the indexed attributes that belong to a level (STUDY: the patient's too)."""
    tags = _TAGS_AT[level]
    return {tag: attributes[tag] for tag in sorted(attributes.keys() & tags)}
