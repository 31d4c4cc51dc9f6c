"""File Meta Information: read and checked (PS3.10 §7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from filmroom.dicom.uids import is_uid
from filmroom.errors import FailureReason, Refused

PREAMBLE = 128  # bytes, of any content: it may make the file readable as another type
PREFIX = b"DICM"
MAX_META = 1 << 20  # bytes: far more than any File Meta Information needs
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"

_header = Struct("<HH2sH").unpack_from
_long = Struct("<L").unpack_from
_implicit = Struct("<HHL").unpack_from
_LONG_VRS = frozenset({b"OB", b"OW", b"UN", b"UT", b"SQ", b"OF", b"OD", b"OL", b"OV", b"UC", b"UR"})


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the File Meta Information says."""

    transfer_syntax: str
    sop_class: str
    instance: str
    end: int
    """Where the data set begins, in bytes from the start of the file."""
    warnings: tuple[str, ...] = ()


def read_file_meta(data: memoryview) -> FileMeta:
    """Read the File Meta Information at the start of a file; raises Refused."""
    if len(data) < PREAMBLE + len(PREFIX) or data[PREAMBLE : PREAMBLE + 4] != PREFIX:
        raise Refused("not a DICOM file: no DICM prefix at byte 128 (PS3.10 §7.1)")
    values, end, stated = _elements(data)
    syntax, sop_class, instance = (_uid(values.get(e, b"")) for e in (0x0010, 0x0002, 0x0003))
    if sop_class == MEDIA_STORAGE_DIRECTORY:
        raise Refused(
            "a DICOMDIR lists instances and is not one; send the files that it lists",
            FailureReason.SOP_CLASS_NOT_SUPPORTED,
            sop_class=sop_class,
            instance=instance,
        )
    if not is_uid(syntax, leading_zeros=True):
        raise Refused(
            "the File Meta Information names no transfer syntax",
            sop_class=sop_class,
            instance=instance,
        )
    wrong = stated not in (None, end)
    warnings = ("the length of the File Meta Information is wrong",) if wrong else ()
    return FileMeta(syntax, sop_class, instance, end, warnings)


def _elements(data: memoryview) -> tuple[dict[int, bytes], int, int | None]:
    """Group 2's values by element, where the group ends, and where its length says it ends."""
    values: dict[int, bytes] = {}
    pos, stated = PREAMBLE + len(PREFIX), None
    while pos + 8 <= len(data):
        group, element, start, length = _element(data, pos)
        if group != 2:
            return values, pos, stated
        if start + length > min(len(data), MAX_META):
            raise Refused("the File Meta Information is cut short")
        values[element] = bytes(data[start : start + length])
        pos = start + length
        if element == 0 and length == 4:
            stated = pos + _long(values[0])[0]
    if pos != len(data):
        raise Refused("the file ends within its first element")
    return values, pos, stated


def _element(data: memoryview, pos: int) -> tuple[int, int, int, int]:
    """Group, element, start and length of the value of the element at `pos`."""
    group, element, vr, length = _header(data, pos)
    if not vr.isalpha():  # some writers put group 2 in implicit VR
        return (*_implicit(data, pos)[:2], pos + 8, _implicit(data, pos)[2])
    if vr not in _LONG_VRS:
        return group, element, pos + 8, length
    if pos + 12 > len(data):
        raise Refused("the File Meta Information is cut short")
    return group, element, pos + 12, _long(data, pos + 8)[0]


def _uid(raw: bytes) -> str:
    return raw.decode("latin-1").strip(" \0")
