"""The scan: one bounded pass over a file that judges it and yields what is kept of it.

Accepted means readable: what passes can be searched, shown as metadata, and given back
frame by frame. What cannot is refused with a reason (PS3.18 Table I.2-2).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import orjson

from filmroom.dicom.bulk import BulkIndex
from filmroom.dicom.frames import FrameIndex
from filmroom.dicom.inflate import in_place
from filmroom.dicom.part10 import FileMeta, read_file_meta
from filmroom.dicom.scan_elements import Walk
from filmroom.dicom.scan_level import Dataset
from filmroom.dicom.scan_limits import ScanLimits
from filmroom.dicom.scan_pixels import index_frames
from filmroom.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from filmroom.dicom.uids import is_uid
from filmroom.errors import Refused

__all__ = ["Scan", "ScanLimits", "scan"]

STUDY, SERIES, INSTANCE, SOP_CLASS = "0020000D", "0020000E", "00080018", "00080016"
AVAILABLE_TRANSFER_SYNTAX = "00083002"
FRAGMENTABLE = ".1"  # at the end of a video's transfer syntax
_NAMES = {
    STUDY: "Study Instance UID",
    SERIES: "Series Instance UID",
    INSTANCE: "SOP Instance UID",
    SOP_CLASS: "SOP Class UID",
}


@dataclass(frozen=True, slots=True)
class Scan:
    """What one pass over a file yields."""

    study: str
    series: str
    instance: str
    sop_class: str
    transfer_syntax: str
    dataset: dict[str, Any]
    """The complete data set in the DICOM JSON Model, bulk data by URI."""
    metadata: bytes
    """The same as JSON text in UTF-8."""
    frames: FrameIndex
    bulk: BulkIndex
    warnings: tuple[str, ...]
    """What is odd about it, without anything of a patient's."""


def scan(data: memoryview, limits: ScanLimits, public_root: str) -> Scan:
    """Read a Part 10 file, of which only headers are touched; raises Refused.

    `BulkDataURI`s begin with `public_root`, a path or URL without a slash at its end.
    """
    meta = read_file_meta(data)
    syntax = transfer_syntax(meta.transfer_syntax)
    try:
        with ExitStack() as stack:
            if syntax.deflated:
                bounds = {"ratio": limits.deflate_ratio, "size": limits.deflate_size}
                data = stack.enter_context(in_place(data, meta.end, **bounds))
            walk = Walk(data, meta.end, limits)
            walk.warnings.update(dict.fromkeys(meta.warnings))
            walk.run(implicit=syntax.implicit, order=_order(data, meta, syntax))
            return _result(walk, meta, index_frames(walk, syntax), public_root)
    except Refused as refusal:
        refusal.sop_class = refusal.sop_class or meta.sop_class
        refusal.instance = refusal.instance or meta.instance
        raise


def _order(data: memoryview, meta: FileMeta, syntax: TransferSyntax) -> str:
    """The byte order; a private syntax's first group tells it."""
    if syntax.big_endian:
        return ">"
    guessed = syntax.big_endian_pixels or syntax.name == "Unknown"
    first = bytes(data[meta.end : meta.end + 2])
    return ">" if guessed and first[:1] == b"\0" and first[1:] not in (b"", b"\0") else "<"


def _result(walk: Walk, meta: FileMeta, frames: FrameIndex, public_root: str) -> Scan:
    dataset = walk.root
    study, series, instance, sop_class = (
        _identity(walk, key) for key in (STUDY, SERIES, INSTANCE, SOP_CLASS)
    )
    if meta.instance not in ("", instance) or meta.sop_class not in ("", sop_class):
        walk.warnings["the File Meta Information names another instance or SOP class"] = None
    base = f"{public_root}/studies/{study}/series/{series}/instances/{instance}/bulkdata/"
    for element, value in walk.bulk:
        element["BulkDataURI"] = base + value.path
    if walk.disordered:
        walk.warnings["elements are not in order, or twice there"] = None
        _sort(dataset)
    dataset = _complete(dataset, meta.transfer_syntax)
    return Scan(
        study,
        series,
        instance,
        sop_class,
        meta.transfer_syntax,
        dataset,
        orjson.dumps(dataset),
        frames,
        BulkIndex(tuple({value.path: value for _, value in walk.bulk}.values())),
        tuple(walk.warnings),
    )


def _identity(walk: Walk, key: str) -> str:
    """A UID that an instance must have; leading zeros are tolerated."""
    values = walk.root.get(key, {}).get("Value", ())
    name = _NAMES[key]
    if not values:
        raise Refused(f"there is no {name}")
    uid = values[0]
    if len(values) != 1 or not isinstance(uid, str) or not is_uid(uid, leading_zeros=True):
        raise Refused(f"{name} is not a UID (PS3.5 §9.1)")
    if not is_uid(uid):
        walk.warnings[f"{name} has a component with leading zeros"] = None
    return uid


def _complete(dataset: Dataset, syntax: str) -> Dataset:
    """The data set without groups 0 and 2, with the transfer syntax at its place.

    Group 2 is not part of the metadata (PS3.18 §F.2), so Available Transfer Syntax UID
    tells viewers what they will get. A fragmentable video is the same stream as one that is
    not, and viewers know only the latter.
    """
    given = syntax.removesuffix(FRAGMENTABLE) if transfer_syntax(syntax).video else syntax
    available = {"vr": "UI", "Value": [given]}
    complete = {key: element for key, element in dataset.items() if "0004" <= key < "00083002"}
    complete[AVAILABLE_TRANSFER_SYNTAX] = available
    complete |= {key: element for key, element in dataset.items() if key > "00083002"}
    return complete


def _sort(dataset: Dataset) -> None:
    """Put the elements of a data set and of all its items in order, in place."""
    pending = [dataset]
    while pending:
        level = pending.pop()
        for key in sorted(level):
            element = level[key] = level.pop(key)
            if element["vr"] == "SQ":
                pending.extend(element.get("Value", ()))
