"""Storage SOP classes: what is one (PS3.4 Annex B, PS3.6 Annex A)."""

from __future__ import annotations

STANDARD = "1.2.840.10008."  # what a UID of the standard begins with; others are private
STORAGE = "1.2.840.10008.5.1.4.1.1."  # what those of nearly all Storage SOP Classes begin with
_OTHER_STORAGE = frozenset(
    {
        "1.2.840.10008.5.1.1.27",  # Stored Print; retired, as the next two
        "1.2.840.10008.5.1.1.29",  # Hardcopy Grayscale Image
        "1.2.840.10008.5.1.1.30",  # Hardcopy Color Image
        "1.2.840.10008.5.1.4.34.1",  # RT Beams Delivery Instruction - Trial
        "1.2.840.10008.5.1.4.34.7",  # RT Beams Delivery Instruction
        "1.2.840.10008.5.1.4.34.10",  # RT Brachy Application Setup Delivery Instruction
        "1.2.840.10008.5.1.4.38.1",  # Hanging Protocol
        "1.2.840.10008.5.1.4.39.1",  # Color Palette
        "1.2.840.10008.5.1.4.43.1",  # Generic Implant Template
        "1.2.840.10008.5.1.4.44.1",  # Implant Assembly Template
        "1.2.840.10008.5.1.4.45.1",  # Implant Template Group
    }
)
_NO_STORAGE = frozenset(
    {
        *(f"{STORAGE}200.{n}" for n in (4, 5, 6)),  # Protocol Approval: FIND, MOVE, GET
        *(f"{STORAGE}201.{n}" for n in (2, 3, 4, 5, 6)),  # Inventory: FIND to Repository Query
    }
)

_COMMON = """
1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 2 2.1 2.2 3 3.1 4 4.1 4.2 4.3 4.4 5 6 6.1 6.2 7 7.1 7.2 7.3 7.4
9.1.1 9.1.2 9.1.3 9.1.4 9.2.1 9.3.1 9.4.1 9.4.2 11.1 11.2 11.3 11.4 11.5 11.6 11.8 12.1 12.1.1 12.2
12.2.1 13.1.1 13.1.2 13.1.3 13.1.4 13.1.5 14.1 14.2 20 30 66 66.1 66.2 66.3 66.4 66.5 66.6 67 68.1
77.1.1 77.1.1.1 77.1.2 77.1.2.1 77.1.3 77.1.4 77.1.4.1 77.1.5.1 77.1.5.2 77.1.5.4 77.1.6 77.1.7
78.7 80.1 81.1 82.1 88.11 88.22 88.33 88.34 88.35 88.40 88.50 88.59 88.65 88.67 88.68 88.69 88.71
88.72 88.73 88.76 90.1 91.1 104.1 104.2 104.3 104.4 104.5 128 128.1 130
481.1 481.2 481.3 481.4 481.5 481.6 481.7 481.8 481.9
"""
COMMON = tuple(STORAGE + suffix for suffix in _COMMON.split())
"""What is likely to be met: fewer than an association has presentation contexts."""


def is_storage(sop_class: str) -> bool:
    """Whether instances of a SOP class are stored; of a private one that cannot be known: yes."""
    if not sop_class.startswith(STANDARD):
        return True
    if sop_class.startswith(STORAGE):  # also those that later editions add
        return sop_class not in _NO_STORAGE
    return sop_class in _OTHER_STORAGE
