"""File Meta Information: read, checked and written (PS3.10 §7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from filmroom.dicom.encoding import element_header
from filmroom.dicom.uids import is_uid
from filmroom.errors import FailureReason, Refused

PREAMBLE = 128  # bytes, of any content: it may make the file readable as another type
PREFIX = b"DICM"
MAX_META = 1 << 20  # bytes: far more than any File Meta Information needs
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"

IMPLEMENTATION_CLASS = "2.25.147691523777253131580042434981521719466"
IMPLEMENTATION_VERSION = "FILMROOM"

_header = Struct("<HH2sH").unpack_from
_long = Struct("<L").unpack_from
_implicit = Struct("<HHL").unpack_from
_TEXTS = frozenset({"AE", "SH"})
_META_VRS = {
    0x0001: "OB", 0x0002: "UI", 0x0003: "UI", 0x0010: "UI", 0x0012: "UI", 0x0013: "SH",
    0x0016: "AE", 0x0017: "AE", 0x0018: "AE", 0x0026: "UR", 0x0027: "UR", 0x0028: "UR",
    0x0100: "UI", 0x0102: "OB",
}  # fmt: skip  # PS3.10 Table 7.1-1
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


def written_file_meta(
    data: memoryview, transfer_syntax: str, sop_class: str, instance: str
) -> bytes:
    """The File Meta Information of a file, said of the same data set in another transfer syntax.

    The preamble is empty: of another type of file it would tell what is no longer true.
    """
    values, _, _ = _elements(data)
    return _written(values | _told(transfer_syntax, sop_class, instance))


def new_file_meta(transfer_syntax: str, sop_class: str, instance: str) -> bytes:
    """The File Meta Information of a data set that came without one.

    Nothing of whoever sent it: the same instance has the same bytes, whichever way it comes.
    """
    return _written(_told(transfer_syntax, sop_class, instance))


def _told(transfer_syntax: str, sop_class: str, instance: str) -> dict[int, bytes]:
    return {
        0x0001: b"\0\1",
        0x0002: sop_class.encode(),
        0x0003: instance.encode(),
        0x0010: transfer_syntax.encode(),
        0x0012: IMPLEMENTATION_CLASS.encode(),
        0x0013: IMPLEMENTATION_VERSION.encode(),
    }


def _written(values: dict[int, bytes]) -> bytes:
    elements = []
    for number, value in sorted(values.items()):
        vr = _META_VRS.get(number)
        if vr is not None:  # what nobody knows is left out
            padded = value + (b" " if vr in _TEXTS else b"\0") * (len(value) % 2)
            elements.append(element_header(0x00020000 | number, vr, len(padded)) + padded)
    group = b"".join(elements)
    length = element_header(0x00020000, "UL", 4) + len(group).to_bytes(4, "little")
    return bytes(PREAMBLE) + PREFIX + length + group


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
