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


def is_storage(sop_class: str) -> bool:
    """Whether instances of a SOP class are stored; of a private one that cannot be known: yes."""
    if not sop_class.startswith(STANDARD):
        return True
    if sop_class.startswith(STORAGE):  # also those that later editions add
        return sop_class not in _NO_STORAGE
    return sop_class in _OTHER_STORAGE
