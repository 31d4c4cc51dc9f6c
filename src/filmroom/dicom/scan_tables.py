"""Tags, decoders and headers, laid out for the scanner's tight loops."""

from __future__ import annotations

from struct import Struct

from filmroom.dicom.scan_dictionary import LONG_VRS, NAMES, VRS, turned
from filmroom.dicom.scan_values import Decode, decoders

WINDOW = 1 << 16  # bytes: most headers fit, and pixel data behind them is hardly touched
PADDING = 1 << 20  # bytes: zeros after the data set that are passed over

ITEM, ITEM_END, SEQUENCE_END = turned(0xFFFEE000), turned(0xFFFEE00D), turned(0xFFFEE0DD)
CHARSET = turned(0x00080005)
PIXEL_DATA = "7FE00010"
PIXELS = frozenset({PIXEL_DATA, "7FE00008", "7FE00009"})
ALWAYS_BULK = PIXELS | {"00420011", "56000020"}
LUT_DESCRIPTORS = frozenset({"00281101", "00281102", "00281103", "00283002"})
TRAILING_PADDING = turned(0xFFFCFFFC)

DECODERS: dict[str, dict[str, Decode]] = {order: decoders(order) for order in "<>"}
EXPLICIT_VRS = {vr.encode(): vr for vr in [*DECODERS["<"], "SQ"]}
CAREFUL = frozenset(
    [
        CHARSET,
        ITEM,
        ITEM_END,
        SEQUENCE_END,
        *(turned(int(key, 16)) for key in ALWAYS_BULK | LUT_DESCRIPTORS),
    ]
)
SHORT = {raw: DECODERS["<"][vr] for raw, vr in EXPLICIT_VRS.items() if vr not in LONG_VRS}
PLAIN = {
    tag: (NAMES[tag], vr, DECODERS["<"][vr])
    for tag, vr in VRS.items()
    if vr in DECODERS["<"] and vr not in ("OB", "OW", "UN")
    and tag not in CAREFUL and tag >> 16 and 8 <= tag & 0xFFFF != 0x7FE0
}  # fmt: skip
EMPTY_ITEMS = b"\xfe\xff\x00\xe0\x00\x00\x00\x00" * 512

explicit_header = Struct("<I2sH").unpack_from
implicit_header = Struct("<II").unpack_from
HALVES = {order: Struct(order + "HH").unpack_from for order in "<>"}
SHORTS = {order: Struct(order + "H").unpack_from for order in "<>"}
WORDS = {order: Struct(order + "I").unpack_from for order in "<>"}
