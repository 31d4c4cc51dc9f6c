"""H.264's slice headers, and the order in which pictures are shown (ITU-T H.264 §7.3.3, §8.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from filmroom.dicom.video.bits import Bits
from filmroom.dicom.video.h264_sets import PictureSet, Sequence
from filmroom.errors import Undecodable

IDR = 5
LONGEST_HEADER = 512  # bytes of a slice that its header may take
P, B, SP, SI = 0, 1, 3, 4  # slice types
MOST_OPERATIONS = 128
MOST_REFERENCES = 32


@dataclass(frozen=True, slots=True)
class Slice:
    """What the header of a picture's first slice says."""

    picture_set: int
    is_reference: bool
    is_idr: bool
    frame_number: int
    is_field: bool
    is_bottom: bool
    order_bits: int = 0
    """pic_order_cnt_lsb."""
    bottom_delta: int = 0
    deltas: tuple[int, int] = (0, 0)
    resets: bool = False
    """Memory management control operation 5: all is as after an IDR picture."""


def read_slice(
    head: bytes, sequences: Mapping[int, Sequence], picture_sets: Mapping[int, PictureSet]
) -> tuple[Slice, Sequence] | None:
    """A slice's header and sequence parameter set; None if its parameter sets never came."""
    reference, is_idr = head[0] >> 5 & 3, head[0] & 31 == IDR
    bits = Bits(head[1:LONGEST_HEADER])
    bits.ue()  # first_mb_in_slice
    kind, number = bits.ue() % 5, bits.ue()
    picture_set = picture_sets.get(number)
    sequence = sequences.get(picture_set.sequence) if picture_set else None
    if picture_set is None or sequence is None:
        return None
    if sequence.separate_planes:
        bits.u(2)
    frame_number = bits.u(sequence.frame_number_bits)
    is_field = not sequence.frames_only and bits.flag()
    is_bottom = is_field and bits.flag()
    if is_idr:
        bits.ue()  # idr_pic_id
    order_bits = bottom_delta = 0
    deltas = (0, 0)
    both = picture_set.order_of_bottom and not is_field
    if sequence.order_type == 0:
        order_bits = bits.u(sequence.order_bits)
        bottom_delta = bits.se() if both else 0
    elif sequence.order_type == 1 and not sequence.delta_always_zero:
        deltas = (bits.se(), bits.se() if both else 0)
    if picture_set.redundant:
        bits.ue()
    resets = False
    if reference and not is_idr:
        with suppress(Undecodable):  # a slice that is cut off can still be shown
            resets = _resets(bits, kind, sequence, picture_set)
    return Slice(
        number, reference > 0, is_idr, frame_number, is_field, is_bottom,
        order_bits, bottom_delta, deltas, resets,
    ), sequence  # fmt: skip


def _resets(bits: Bits, kind: int, sequence: Sequence, picture_set: PictureSet) -> bool:
    """Whether operation 5 is among those that mark reference pictures (§7.3.3.3)."""
    counts = _reference_counts(bits, kind, picture_set.references)
    for _ in counts:
        _skip_modification(bits)
    if picture_set.weighted_bi == 1 if kind == B else picture_set.weighted:
        has_chroma = sequence.chroma_format != 0 and not sequence.separate_planes
        _skip_weights(bits, counts, has_chroma=has_chroma)
    if not bits.flag():  # adaptive_ref_pic_marking_mode_flag
        return False
    for _ in range(MOST_OPERATIONS):
        operation = bits.ue()
        if operation in (0, 5):
            return operation == 5
        bits.ue()
        if operation == 3:
            bits.ue()
    raise Undecodable("a slice of the video stream is damaged")


def _reference_counts(bits: Bits, kind: int, usual: tuple[int, int]) -> tuple[int, ...]:
    """How many reference pictures each list of a slice has."""
    if kind == B:
        bits.u(1)  # direct_spatial_mv_pred_flag
    lists = {B: 2, P: 1, SP: 1}.get(kind, 0)
    counts = usual[:lists]
    if lists and bits.flag():
        counts = tuple(bits.ue() + 1 for _ in range(lists))
    if max(counts, default=0) > MOST_REFERENCES:
        raise Undecodable("a slice of the video stream has too many reference pictures")
    return counts


def _skip_modification(bits: Bits) -> None:
    """Pass over ref_pic_list_modification of one list (§7.3.3.1)."""
    if not bits.flag():
        return
    for _ in range(MOST_OPERATIONS):
        if bits.ue() == 3:
            return
        bits.ue()
    raise Undecodable("a slice of the video stream is damaged")


def _skip_weights(bits: Bits, counts: tuple[int, ...], *, has_chroma: bool) -> None:
    """Pass over pred_weight_table (§7.3.3.2)."""
    if not counts:
        return
    bits.ue()
    if has_chroma:
        bits.ue()
    for count in counts:
        for _ in range(count):
            if bits.flag():
                bits.se(), bits.se()
            if has_chroma and bits.flag():
                bits.se(), bits.se(), bits.se(), bits.se()


class Order:
    """Picture order counts, picture after picture in the order of decoding."""

    def __init__(self) -> None:
        self._high = self._low = 0  # of the last reference picture, type 0
        self._offset = self._frame_number = 0  # of the last picture, types 1 and 2

    def of(self, first: Slice, sequence: Sequence) -> int:
        """The count of the next picture; for a frame the smaller one of its fields."""
        if sequence.order_type == 0:
            order = self._by_bits(first, sequence)
        else:
            order = self._by_frame_number(first, sequence)
        return 0 if first.resets else order

    def _by_bits(self, first: Slice, sequence: Sequence) -> int:
        """§8.2.1.1."""
        if first.is_idr:
            self._high = self._low = 0
        period = 1 << sequence.order_bits
        high, low = self._high, first.order_bits
        if low < self._low and self._low - low >= period // 2:
            high += period
        elif low > self._low and low - self._low > period // 2:
            high -= period
        if first.is_reference:
            self._high, self._low = high, low
        if first.resets:
            # The count becomes that of the top field, less the smaller one of both fields.
            self._high, self._low = 0, max(-first.bottom_delta, 0) if not first.is_bottom else 0
        if first.is_field:
            return high + low
        return high + low + min(first.bottom_delta, 0)

    def _by_frame_number(self, first: Slice, sequence: Sequence) -> int:
        """§8.2.1.2 and §8.2.1.3."""
        if first.is_idr:
            self._offset = 0
        elif self._frame_number > first.frame_number:
            self._offset += 1 << sequence.frame_number_bits
        self._frame_number = first.frame_number
        absolute = self._offset + first.frame_number
        if first.resets:
            self._offset = self._frame_number = 0
        if sequence.order_type == 2:
            return 2 * absolute - (not first.is_reference) if not first.is_idr else 0
        order = _expected(absolute, first, sequence) + first.deltas[0]
        if first.is_field:
            return order + (sequence.offset_bottom if first.is_bottom else 0)
        return min(order, order + sequence.offset_bottom + first.deltas[1])


def _expected(absolute: int, first: Slice, sequence: Sequence) -> int:
    """expectedPicOrderCnt of type 1 (§8.2.1.2)."""
    count = len(sequence.offsets)
    number = absolute if count else 0
    if not first.is_reference and number > 0:
        number -= 1
    expected = 0
    if number > 0:
        cycles, within = divmod(number - 1, count)
        expected = cycles * sum(sequence.offsets) + sum(sequence.offsets[: within + 1])
    return expected + (0 if first.is_reference else sequence.offset_not_reference)
