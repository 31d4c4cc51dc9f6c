"""The data dictionary as the scanner wants it: tags to names and VRs, at once.

A *turned* tag is the four bytes of a little endian tag read as one number:
the element above the group. It is what reading a header costs least to get.
"""

from __future__ import annotations

from functools import lru_cache
from sys import intern

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.tag import Tag


def turned(tag: int) -> int:
    """A tag with its group and element exchanged."""
    return (tag & 0xFFFF) << 16 | tag >> 16


NAMES = {turned(tag): intern(f"{tag:08X}") for tag in DicomDictionary}
"""Every standard tag, turned, to its name in the DICOM JSON Model."""

VRS = {turned(tag): intern(entry[0]) for tag, entry in DicomDictionary.items()}
"""Every standard tag, turned, to its VR in the dictionary, also "US or SS"."""

LONG_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
"""VRs whose length takes four bytes in explicit VR (PS3.5 Table 7.1-1)."""

_KNOWN = LONG_VRS.union(
    ["AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL"],
    ["SS", "ST", "TM", "UI", "UL", "US"],
)


_MOST_NAMES = 1 << 16  # entries: enough for the private tags of any scanner's make


def name_of(tag: int) -> str:
    """The name of a turned tag that the dictionary may lack; NAMES learns it."""
    name = f"{tag & 0xFFFF:04X}{tag >> 16:04X}"
    if len(NAMES) < _MOST_NAMES:
        NAMES[tag] = name
    return name


@lru_cache(maxsize=8192)
def public_vr(tag: int) -> str:
    """The dictionary's VR of a turned tag of an even group; "UN" if it has none."""
    vr = VRS.get(tag)
    if vr is None:
        try:
            vr = dictionary_VR(Tag(turned(tag)))  # repeating groups: 50xx, 60xx …
        except KeyError:
            return "UN"
    return vr if vr in _KNOWN or " or " in vr else "UN"


@lru_cache(maxsize=8192)
def private_vr(tag: int, creator: str) -> str:
    """The VR that is known for a turned private tag of this creator; "UN" if none is."""
    try:
        vr = private_dictionary_VR(Tag(turned(tag)), creator)
    except KeyError:
        return "UN"
    vr = vr.replace("_", " or ")
    return vr if vr in _KNOWN or " or " in vr else "UN"
