"""Pixel data against what the data set says of it: frames, or a refusal (PS3.5 §8, §A.4)."""

from __future__ import annotations

from array import array

from filmroom.dicom.frames import FrameIndex, by_table, encapsulated, native_bits
from filmroom.dicom.scan_elements import Walk
from filmroom.dicom.scan_level import Dataset
from filmroom.dicom.scan_tables import PIXEL_DATA
from filmroom.dicom.spans import Span, Spans
from filmroom.dicom.transfer_syntaxes import Pixels, TransferSyntax
from filmroom.errors import Malformed, Refused

BITS = {"7FE00008": 32, "7FE00009": 64}  # of a pixel, by tag; of others Bits Allocated tells
ROWS, COLUMNS, SAMPLES, ALLOCATED = "00280010", "00280011", "00280002", "00280100"
FRAMES, PHOTOMETRIC = "00280008", "00280004"
# Chrominance of every second pixel only, also uncompressed (PS3.3 §C.7.6.3.1.2).
HALF_COLOUR = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})
MARKERS = (
    b"\xff\xd8\xff",  # JPEG and JPEG-LS: start of image, and the next marker
    b"\xff\x4f\xff\x51",  # JPEG 2000: start of codestream, image and tile size
    b"\xff\x0a",  # JPEG XL, bare
    b"\x00\x00\x00\x0cJXL ",  # JPEG XL in a container
    b"\x00\x00\x00\x0cjP  ",  # JPEG 2000 in a container, which some writers leave
)
END_OF_IMAGE = b"\xff\xd9"  # JPEG, JPEG-LS and JPEG 2000 alike


def index_frames(walk: Walk, syntax: TransferSyntax) -> FrameIndex:
    """Where the frames of a walked data set lie; raises Refused where they cannot be read."""
    key = next((k for k in (PIXEL_DATA, *BITS) if k in walk.spans), PIXEL_DATA)
    stored = walk.spans.get(key)
    if walk.fragments is not None:
        if syntax.pixels is Pixels.NATIVE:
            raise Refused("pixel data is encapsulated, against the transfer syntax")
        return _encapsulated(walk, syntax)
    if stored is None or not stored.length:
        return _none(walk, syntax)
    if syntax.encapsulated and key == PIXEL_DATA:
        raise Refused("pixel data is not encapsulated, against the transfer syntax")
    return _native(walk, key, stored)


def _none(walk: Walk, syntax: TransferSyntax) -> FrameIndex:
    image = all(_number(walk.root, key) for key in (ROWS, COLUMNS, ALLOCATED))
    if image and syntax.pixels is not Pixels.REFERENCED:
        walk.warnings["an image without pixel data"] = None
    return FrameIndex()


def _native(walk: Walk, key: str, stored: Span) -> FrameIndex:
    """Uncompressed frames, one after another."""
    root = walk.root
    rows, columns, allocated = (_number(root, k) for k in (ROWS, COLUMNS, ALLOCATED))
    samples = _number(root, SAMPLES) or 1
    allocated = BITS.get(key) or allocated
    if not (rows and columns and allocated):
        walk.warnings["pixel data without the attributes that tell its frames"] = None
        return FrameIndex()
    count = _count(walk)
    whole = stored.length * 8 >= rows * columns * samples * allocated * count
    if _text(root, PHOTOMETRIC) in HALF_COLOUR and samples == 3 and not whole:
        samples = 2
    bits = rows * columns * samples * allocated
    needed = (bits * count + 7) // 8
    if stored.length < needed:
        raise Refused(f"pixel data is cut short: {stored.length} of {needed} bytes")
    if stored.length > needed + needed % 2:
        walk.warnings["pixel data is longer than its frames"] = None
    return native_bits(stored.start, bits, count)


def _encapsulated(walk: Walk, syntax: TransferSyntax) -> FrameIndex:
    """Compressed frames, told apart by a table or by what begins a codestream."""
    fragments = walk.fragments or Spans()
    if not fragments.total:
        walk.warnings["pixel data is empty"] = None
        return FrameIndex()
    if syntax.video:
        return encapsulated(fragments, (), 1)
    count = _count(walk)
    offsets, lengths = _table(walk)
    if offsets and (index := by_table(fragments, offsets, count, lengths)) is not None:
        return index
    if offsets:
        walk.warnings["the offset table is wrong and was passed over"] = None
    try:
        return encapsulated(fragments, (), count)
    except Malformed:
        return _by_markers(walk, fragments, count)


def _by_markers(walk: Walk, fragments: Spans, count: int) -> FrameIndex:
    """Frames by the markers with which codestreams begin, or else end."""
    heads = (bytes(walk.data[s : s + 8]) for s in fragments.starts)
    begins = [i for i, head in enumerate(heads) if head.startswith(MARKERS)]
    if len(begins) != count:
        ends = (s + n for s, n in zip(fragments.starts, fragments.lengths, strict=True))
        tails = (bytes(walk.data[max(0, end - 10) : end]) for end in ends)
        begins = [0, *(i + 1 for i, tail in enumerate(tails) if END_OF_IMAGE in tail)]
        begins = begins[:-1] if begins[-1] == len(fragments) else begins
    walk.warnings["frames were told apart without an offset table"] = None
    try:
        return encapsulated(fragments, (), count, begins=begins)
    except Malformed as error:
        raise Refused(str(error)) from error


def _table(walk: Walk) -> tuple[list[int], list[int]]:
    """The extended offset table, else the basic one, else nothing."""
    offsets, lengths = (_longs(walk, key, "Q") for key in ("7FE00001", "7FE00002"))
    if offsets and len(offsets) == len(lengths):
        return offsets, lengths
    return _longs(walk, "table", "I"), []


def _longs(walk: Walk, key: str, code: str) -> list[int]:
    span = walk.spans.get(key)
    width = array(code).itemsize
    if span is None or not span.length or span.length % width:
        return []
    raw = bytes(walk.data[span.start : span.start + span.length])
    return array(code, raw).tolist()


def _count(walk: Walk) -> int:
    """Number of Frames, 1 where it is absent or no number."""
    if FRAMES not in walk.root:
        return 1
    count = _number(walk.root, FRAMES)
    if not count:
        walk.warnings["Number of Frames is no positive number; 1 is assumed"] = None
    return count or 1


def _number(root: Dataset, key: str) -> int:
    """The first value of an element as a positive integer, else 0."""
    values = root.get(key, {}).get("Value") or [0]
    return values[0] if isinstance(values[0], int) and values[0] > 0 else 0


def _text(root: Dataset, key: str) -> str:
    values = root.get(key, {}).get("Value") or [""]
    return values[0] if isinstance(values[0], str) else ""
