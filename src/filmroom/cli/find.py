"""`filmroom find`: search as the web does, by the same parser."""

from __future__ import annotations

import re
import sys
from calendar import monthrange
from typing import Any
from urllib.parse import urlencode

import click
import orjson

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.options import Given, with_settings
from filmroom.cli.screen import many, show_table, tell
from filmroom.core.find import find as find_matches
from filmroom.dicom.levels import Level
from filmroom.errors import Malformed
from filmroom.model.query import Found
from filmroom.model.selection import Selection
from filmroom.web.params import read_attribute, read_query

LEVELS = {"study": Level.STUDY, "series": Level.SERIES, "instance": Level.IMAGE}

COLUMNS = {
    Level.STUDY: (
        ("Patient", "00100010"),
        ("ID", "00100020"),
        ("Date", "00080020"),
        ("Modalities", "00080061"),
        ("Description", "00081030"),
        ("Series", "00201206"),
        ("Instances", "00201208"),
        ("Study", "0020000D"),
    ),
    Level.SERIES: (
        ("Modality", "00080060"),
        ("Number", "00200011"),
        ("Description", "0008103E"),
        ("Instances", "00201209"),
        ("Study", "0020000D"),
        ("Series", "0020000E"),
    ),
    Level.IMAGE: (
        ("SOP class", "00080016"),
        ("Number", "00200013"),
        ("Study", "0020000D"),
        ("Series", "0020000E"),
        ("Instance", "00080018"),
    ),
}
"""Heading and tag of what a table shows at each level."""


@click.command()
@click.argument("filters", nargs=-1, metavar="[KEY=VALUE]…")
@click.option("--level", type=click.Choice(list(LEVELS)), default="study", help="What to list.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="Matches at most.")
@click.option("--offset", type=click.IntRange(min=0), metavar="N", help="Matches to pass over.")
@click.option("--order", metavar="KEY", help="Sort by; -KEY for descending.")
@click.option("--fuzzy", is_flag=True, help="Names in any word order.")
@click.option("--json", "as_json", is_flag=True, help="All attributes, as DICOM JSON.")
@with_settings()
def find(given: Given, filters: tuple[str, ...], level: str, as_json: bool, **page: Any) -> None:
    """List what the archive holds.

    A filter is an attribute's keyword or tag and a value as in QIDO-RS: wildcards * and ?,
    dates as 20240101-20241231 or 2024-01-01-, lists with commas.

    \b
    filmroom find PatientName='Smith*' StudyDate=20240101-
    filmroom find --level series StudyInstanceUID=1.2.3
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    query = read_query(LEVELS[level], Selection(), _query_string(filters, page), settings)
    if query.ignored:
        raise Malformed(f"not an attribute that can be searched for: {', '.join(query.ignored)}")
    with open_archive(settings) as archive:
        found = find_matches(archive, query)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(found.matches, option=orjson.OPT_INDENT_2) + b"\n")
    else:
        columns = COLUMNS[query.level]
        rows = [[text_of(match.get(tag)) for _, tag in columns] for match in found.matches]
        show_table([heading for heading, _ in columns], rows)
    _tell_of_the_rest(found, level)


def _query_string(filters: tuple[str, ...], page: dict[str, Any]) -> str:
    pairs = []
    for given in filters:
        key, equals, value = given.partition("=")
        known = read_attribute(key)
        if not equals or known is None:
            raise Malformed(f"{given!r} is not KEY=VALUE with the keyword or tag of an attribute")
        pairs.append((key, dates(value) if known.vr == "DA" else value))
    names = {"limit": page["limit"], "offset": page["offset"], "orderby": page["order"]}
    pairs += [(name, str(value)) for name, value in names.items() if value is not None]
    if page["fuzzy"]:
        pairs.append(("fuzzymatching", "true"))
    return urlencode(pairs)


def dates(value: str) -> str:
    """A date or range as people write it, as DICOM has it (PS3.4 §C.2.2.2.5).

    `2024`, `2024-05` and `2024-05-17` are a year, a month and a day; `2024-` is from its
    first day on, `-2024` to its last.
    """
    spelled = _RANGE.fullmatch(value.strip())
    if not spelled or not (spelled["first"] or spelled["last"]):
        return value
    first, hyphen, last = spelled["first"], spelled["hyphen"], spelled["last"]
    if not hyphen:
        low, high = _days(first or "")
        return low if low == high else f"{low}-{high}"
    return f"{_days(first)[0] if first else ''}-{_days(last)[1] if last else ''}"


_DATE = r"(?:\d{4}-\d\d(?:-\d\d)?|\d{4}(?:\d\d(?:\d\d)?)?)"
_RANGE = re.compile(rf"(?P<first>{_DATE})?(?:(?P<hyphen>-)(?P<last>{_DATE})?)?", re.ASCII)


def _days(text: str) -> tuple[str, str]:
    digits = text.replace("-", "")
    year, month, day = digits[:4], digits[4:6], digits[6:8]
    if day:
        return digits, digits
    if month:
        last = monthrange(int(year), int(month))[1] if 1 <= int(month) <= 12 else 31
        return f"{year}{month}01", f"{year}{month}{last}"
    return f"{year}0101", f"{year}1231"


def text_of(element: dict[str, Any] | None) -> str:
    """The values of an element of the DICOM JSON Model, for people."""
    values = (element or {}).get("Value", [])
    return "\\".join(_name(value) if isinstance(value, dict) else str(value) for value in values)


def _name(value: dict[str, Any]) -> str:
    return "=".join(str(group) for group in value.values())


def _tell_of_the_rest(found: Found, level: str) -> None:
    shown = len(found.matches)
    if found.more:
        of_all = f" of {found.total:,}" if found.total is not None else ""
        tell(f"{shown:,}{of_all}; more with --limit or --offset.")
    elif not shown:
        tell(f"No {many(2, level).partition(' ')[2]} match.")
