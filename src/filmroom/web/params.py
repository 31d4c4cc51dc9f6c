"""Query string → Query (PS3.18 §8.3.4, §10.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from filmroom.dicom.attributes import Attribute, attribute
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import Bounds, Key, any_of, parse_key
from filmroom.errors import Malformed
from filmroom.model.query import Match, Order, Query
from filmroom.model.selection import Selection
from filmroom.settings.limits import LimitSettings

CONTROLS = frozenset(
    {
        "limit",
        "offset",
        "fuzzymatching",
        "includefield",
        "orderby",
        "emptyvaluematching",
        "multiplevaluematching",
    }
)
"""Parameters that say how to search, in lower case."""

HARMLESS = frozenset(
    {
        "_",  # what jQuery adds so that no cache answers
        "accept",
        "charset",
        "compressionfailed",
        "includedefaults",
        "incomplete",
        "merged",
        "onlystgcmt",
        "onlywithstudies",
        "priority",
        "retrievefailed",
        "storageverificationfailed",
    }
)
"""Parameters of other services and archives that change nothing here: passed over in silence."""

_TAG = re.compile(r"\(?\s*(?:0x)?([0-9a-f]{4})\s*,?\s*([0-9a-f]{4})\s*\)?", re.IGNORECASE)
_SEPARATORS = re.compile(r"[,\\]")
_DIGITS = re.compile(r"[0-9]+")
_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0", ""})
FARTHEST = 10**15
"""Offsets beyond are cut to this; no index holds so many rows."""

Parameters = list[tuple[str, str]]


def read_query(level: Level, within: Selection, query: str, limits: LimitSettings) -> Query:
    """What a query string asks for; Malformed if it does not follow the standard.

    Names that are not known end up in `ignored`. A key of a deeper level is kept: it asks
    for studies that hold such a series or instance.
    """
    controls, keys = _sorted(_pairs(query, limits.max_parameters))
    names = _included(controls, limits.max_includefields)
    order, unordered = _orders(level, controls.get("orderby", []))
    matching, wanted, unknown = _matching(keys, _flag(controls, "fuzzymatching"), limits)
    unsupported = ["emptyvaluematching"] if _flag(controls, "emptyvaluematching") else []
    return Query(
        level,
        within,
        matching=matching,
        include=frozenset(wanted).union(_tags(names)),
        include_all=any(name.lower() == "all" for name in names),
        order=order,
        limit=_limit(controls, level, within, limits),
        offset=min(_number(controls, "offset", 0), FARTHEST),
        ignored=tuple(dict.fromkeys((*unsupported, *unknown, *unordered))),
    )


def _pairs(query: str, most: int) -> Parameters:
    if query.count("&") >= most:
        raise Malformed(f"more than {most} parameters")
    pairs = parse_qsl(query, keep_blank_values=True)
    return [(name.strip(), value) for name, value in pairs]


def _sorted(pairs: Parameters) -> tuple[dict[str, list[str]], Parameters]:
    """Parameters that say how to search, and those that say for what."""
    controls: dict[str, list[str]] = {}
    keys: Parameters = []
    for name, value in pairs:
        lower = name.lower()
        if lower in CONTROLS:
            controls.setdefault(lower, []).append(value.strip())
        elif lower not in HARMLESS and name:
            keys.append((name, value))
    return controls, keys


def _matching(
    keys: Parameters, fuzzy: bool, limits: LimitSettings
) -> tuple[tuple[Match, ...], list[str], list[str]]:
    """Matching keys; tags that are only to be returned; names of keys that are ignored."""
    bounds = Bounds(limits.max_wildcard, limits.max_list_values)
    found: dict[str, list[Key]] = {}
    wanted: list[str] = []
    unknown: list[str] = []
    for name, value in keys:
        known = read_attribute(name)
        if known is not None and known.matchable:
            with _Naming(known):
                key = parse_key(known.vr, value, fuzzy=fuzzy, bounds=bounds)
            found.setdefault(known.path, []).append(key)
        elif value.strip("* "):
            unknown.append(name)
        elif known is not None:
            wanted.append(known.top)
    matching = []
    for path, same in found.items():
        with _Naming(attribute(path)):
            matching.append(Match(path, any_of(same, bounds)))
    return tuple(matching), wanted, unknown


class _Naming:
    """Says of which attribute the key is malformed."""

    def __init__(self, known: Attribute | None) -> None:
        self.keyword = known.keyword if known else ""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Malformed):
            raise Malformed(f"{self.keyword}: {error}") from None


def read_attribute(name: str) -> Attribute | None:
    """The indexed attribute of a keyword, a tag or a dotted path of either.

    Keywords in any case; `00100010`, `0x00100010` and `(0010,0010)` are one tag.
    """
    return attribute(".".join(map(_part, name.split("."))))


def _part(name: str) -> str:
    tag = _TAG.fullmatch(name.strip())
    return (tag[1] + tag[2]).upper() if tag else name.strip()


def _included(controls: dict[str, list[str]], most: int) -> list[str]:
    """The names in `includefield`, which may be repeated and be a list each time."""
    names = [
        name.strip()
        for value in controls.get("includefield", [])
        for name in _split_names(value)
        if name.strip()
    ]
    if len(names) > most:
        raise Malformed(f"more than {most} attributes in includefield")
    return names


def _split_names(value: str) -> list[str]:
    """Split a list of names; the comma inside `(0010,0010)` is no separator."""
    return _SEPARATORS.split(re.sub(r"\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)", r"\1\2", value))


def _tags(names: Iterable[str]) -> Iterator[str]:
    """The tags to return; what is not known is nothing that we could return."""
    for name in names:
        known = read_attribute(name)
        if known is not None:
            yield known.top


def _orders(level: Level, values: Iterable[str]) -> tuple[tuple[Order, ...], list[str]]:
    """Sort keys, and the names of those that cannot be sorted by."""
    orders: list[Order] = []
    unknown: list[str] = []
    for name in (name.strip() for value in values for name in _split_names(value)):
        known = read_attribute(name.lstrip("+-"))
        if known is not None and known.matchable and known.level <= level:
            orders.append(Order(known.path, descending=name.startswith("-")))
        elif name:
            unknown.append(f"orderby {name}")
    return tuple(orders), unknown


def _limit(
    controls: dict[str, list[str]], level: Level, within: Selection, limits: LimitSettings
) -> int:
    """The page's size; viewers list the series of a study without one, and need them all."""
    whole = level == Level.SERIES and within.study is not None
    default = limits.max_search_limit if whole else limits.search_limit
    return min(_number(controls, "limit", default), limits.max_search_limit)


def _number(controls: dict[str, list[str]], name: str, default: int) -> int:
    """A count, 0 or more; the last one given counts."""
    values = [value for value in controls.get(name, []) if value]
    if not values:
        return default
    if not _DIGITS.fullmatch(values[-1]):
        raise Malformed(f"{name} is not a number, 0 or more")
    digits = values[-1].lstrip("0") or "0"
    return int(digits) if len(digits) < len(str(FARTHEST)) else FARTHEST


def _flag(controls: dict[str, list[str]], name: str) -> bool:
    value = controls.get(name, [""])[-1].lower()
    if value not in _TRUE | _FALSE:
        raise Malformed(f"{name} is neither true nor false")
    return value in _TRUE
