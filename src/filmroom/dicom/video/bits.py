"""Bits of a parameter set or slice header (ITU-T H.264 §7.2 and §9.1, H.265 alike)."""

from __future__ import annotations

from filmroom.errors import Undecodable

LONGEST_CODE = 32  # bits before the first 1 of an Exp-Golomb code
_ESCAPED = b"\0\0\3"


class Bits:
    """The bits of an RBSP, first to last; Undecodable past their end."""

    __slots__ = ("_left", "_value")

    def __init__(self, escaped: bytes) -> None:
        plain = escaped.replace(_ESCAPED, b"\0\0")
        self._value = int.from_bytes(plain, "big")
        self._left = 8 * len(plain)

    @property
    def left(self) -> int:
        """Bits not yet read, trailing ones included."""
        return self._left

    def u(self, count: int) -> int:
        """An unsigned number of `count` bits."""
        if count > self._left:
            raise Undecodable("a header of the video stream is cut off")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        """One bit."""
        return self.u(1) == 1

    def ue(self) -> int:
        """An unsigned Exp-Golomb code."""
        zeros = self._left - (self._value & ((1 << self._left) - 1)).bit_length()
        if zeros > LONGEST_CODE:
            raise Undecodable("a header of the video stream has a number that is none")
        self._left -= zeros
        return self.u(zeros + 1) - 1

    def se(self) -> int:
        """A signed Exp-Golomb code."""
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)
