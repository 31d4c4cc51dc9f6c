"""CRC-32 of a text from those of its parts, without the text (zlib's crc32_combine)."""

from __future__ import annotations

from functools import lru_cache

POLYNOMIAL = 0xEDB88320  # of CRC-32, lowest power in the highest bit


def _times(a: int, b: int) -> int:
    """The product of two polynomials over GF(2), modulo CRC-32's."""
    product = 0
    bit = 1 << 31
    while a:
        if a & bit:
            product ^= b
            a ^= bit
        bit >>= 1
        b = (b >> 1) ^ POLYNOMIAL if b & 1 else b >> 1
    return product


def _powers() -> tuple[int, ...]:
    """x to the power of 2, 4, 8 …: the operators that shift by so many bits."""
    powers = [1 << 30]
    for _ in range(31):
        powers.append(_times(powers[-1], powers[-1]))
    return tuple(powers)


_POWERS = _powers()


@lru_cache(maxsize=4096)
def _shift(length: int) -> int:
    """The operator that appends `length` zero bytes."""
    operator, power = 1 << 31, 3
    while length:
        if length & 1:
            operator = _times(_POWERS[power & 31], operator)
        length >>= 1
        power += 1
    return operator


def combined(first: int, second: int, second_length: int) -> int:
    """CRC-32 of two texts joined, given each one's and the second's length in bytes."""
    return _times(_shift(second_length), first) ^ second
