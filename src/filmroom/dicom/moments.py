"""Dates, times and date-times, in the one spelling in which they compare as text (PS3.5 §6.2).

A time compares as `HHMMSS` or `HHMMSS.FFFFFF`, a date-time as `YYYYMMDDHHMMSS` with
the same optional fraction, in UTC; one without an offset is taken for UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from filmroom.errors import Malformed

Ends = tuple[str | None, str | None]
"""First and last moment, both included; None: open."""

_DATE = r"(\d{4})([-.]?)(\d{2})\2(\d{2})"
_TIME = r"\d{2}(?::?\d{2}(?::?\d{2}(?:\.\d{1,6})?)?)?"
_DATE_TIME = (
    r"(?P<year>\d{4})(?:(?P<month>\d{2})(?:(?P<day>\d{2})(?:(?P<hour>\d{2})(?:(?P<minute>\d{2})"
    r"(?:(?P<second>\d{2})(?:\.(?P<fraction>\d{1,6}))?)?)?)?)?)?(?P<zone>[+-]\d{4})?"
)
_ONE_DATE = re.compile(_DATE)
_ONE_TIME = re.compile(_TIME)
_PLUS = re.compile(r" (?=\d{4}$)")  # a plus sign that nobody encoded in a query string
_ONE_DATE_TIME = re.compile(_DATE_TIME)
LONGEST = 64  # characters: two date-times with offsets, and some spaces
WEST, EAST = -12 * 60, 14 * 60  # minutes: the offsets from UTC that there are (PS3.5 §6.2 DT)


def date(text: str) -> str:
    """One date as `YYYYMMDD`; `YYYY-MM-DD` and `YYYY.MM.DD` are tolerated.

    Days up to 31 pass in every month: ends of ranges are often written so.
    """
    found = _ONE_DATE.fullmatch(text)
    if not found or not ("01" <= found[3] <= "12" and "01" <= found[4] <= "31"):
        raise Malformed("not a date: YYYYMMDD")
    return found[1] + found[3] + found[4]


def time(text: str) -> tuple[str, str]:
    """First and last moment of a time: `10` is the whole hour, `103000.5` a tenth of a second."""
    clock, fraction = _clock(text)
    if not fraction:
        return clock.ljust(6, "0"), clock + "5959"[len(clock) - 2 :] + ".999999"
    return f"{clock}.{fraction.ljust(6, '0')}", f"{clock}.{fraction.ljust(6, '9')}"


def stated(text: str) -> str:
    """What a time says and no more, as every time begins that lies in it: `10:30` is `1030`."""
    clock, fraction = _clock(text)
    fraction = fraction.rstrip("0")
    return f"{clock}.{fraction}" if fraction else clock


def date_time(text: str) -> tuple[str, str]:
    """First and last moment of a date-time of any precision."""
    found = _ONE_DATE_TIME.fullmatch(_PLUS.sub("+", text))
    if not found:
        raise Malformed("not a date-time: YYYYMMDDHHMMSS.FFFFFF&ZZXX")
    try:
        start = _start(found)
        end = _next(found, start) - timedelta(microseconds=1)
        shift = timedelta(minutes=_offset(found["zone"]))
        return _written(start - shift), _written(end - shift)
    except (ValueError, OverflowError):
        raise Malformed("not a date-time: no such day or offset") from None


def dates(text: str) -> Ends:
    """One date or a range of them."""
    return _ends(text, lambda one: (date(one),) * 2)


def times(text: str) -> Ends:
    """One time or a range of them."""
    return _ends(text, time)


def date_times(text: str) -> Ends:
    """One date-time or a range of them."""
    return _ends(text, date_time)


def comparable(vr: str, value: str) -> str:
    """A stored DA, TM or DT value in the spelling that ranges compare with; "" if it is broken."""
    moment = {"DA": date, "TM": time, "DT": date_time}[vr]
    try:
        found = moment(value.strip())
    except Malformed:
        return ""
    return found if isinstance(found, str) else found[0]


def _clock(text: str) -> tuple[str, str]:
    """The digits before and after the point of a time; colons are tolerated."""
    if not _ONE_TIME.fullmatch(text):
        raise Malformed("not a time: HHMMSS.FFFFFF")
    clock, _, fraction = text.replace(":", "").partition(".")
    if clock[:2] > "23" or clock[2:4] > "59" or clock[4:] > "60":
        raise Malformed("not a time of a day")
    return clock, fraction


def _ends(text: str, moment: Callable[[str], tuple[str, str]]) -> Ends:
    """Read `a`, `a-`, `-b` or `a-b`, where a and b may hold hyphens themselves.

    The whole is tried as one moment first, so `20240101-0500` is an offset, not a
    range to the year 500 (PS3.4 §C.2.2.2.5.3); then each hyphen as the middle one.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise Malformed("too long for a range")
    try:
        return moment(text)
    except Malformed as error:
        refusal = error
    halves = [(text[: at.start()], text[at.end() :]) for at in re.finditer(r"\s*-\s*", text)]
    # The middle hyphen is the likeliest, and a valid reading is the right one.
    for before, after in sorted(halves, key=lambda half: abs(len(half[0]) - len(half[1]))):
        try:
            first = moment(before)[0] if before else None
            last = moment(after)[1] if after else None
        except Malformed:
            continue
        if first is not None or last is not None:
            return first, last
    raise refusal


def _start(found: re.Match[str]) -> datetime:
    return datetime(
        int(found["year"]),
        int(found["month"] or 1),
        int(found["day"] or 1),
        int(found["hour"] or 0),
        int(found["minute"] or 0),
        min(int(found["second"] or 0), 59),  # a leap second is not known to datetime
        int((found["fraction"] or "").ljust(6, "0")),
    )


def _next(found: re.Match[str], start: datetime) -> datetime:
    """The first moment after all that the text stands for."""
    if found["fraction"]:
        return start + timedelta(microseconds=10 ** (6 - len(found["fraction"])))
    for part, step in (
        ("second", timedelta(seconds=1)),
        ("minute", timedelta(minutes=1)),
        ("hour", timedelta(hours=1)),
        ("day", timedelta(days=1)),
    ):
        if found[part]:
            return start + step
    if found["month"] and start.month < 12:
        return start.replace(month=start.month + 1)
    return start.replace(year=start.year + 1, month=1)


def _offset(zone: str | None) -> int:
    """Minutes that the zone is ahead of UTC."""
    if not zone:
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:])
    offset = (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)
    if minutes > 59 or not WEST <= offset <= EAST:
        raise ValueError(zone)
    return offset


def _written(moment: datetime) -> str:
    text = f"{moment.year:04d}{moment:%m%d%H%M%S}"
    return f"{text}.{moment.microsecond:06d}" if moment.microsecond else text
