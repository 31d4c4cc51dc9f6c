"""Status codes of DIMSE responses (PS3.7 Annex C, PS3.4 Annexes B and C)."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Codes that the standard names; a peer may send others of their ranges."""

    SUCCESS = 0x0000
    OPTIONAL_CLASSES_NOT_SUPPORTED = 0x0001
    NO_SUCH_ATTRIBUTE = 0x0105
    INVALID_ATTRIBUTE_VALUE = 0x0106
    ATTRIBUTE_LIST_ERROR = 0x0107
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_SOP_INSTANCE = 0x0111
    NO_SUCH_SOP_INSTANCE = 0x0112
    NO_SUCH_EVENT_TYPE = 0x0113
    NO_SUCH_ARGUMENT = 0x0114
    INVALID_ARGUMENT_VALUE = 0x0115
    ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116
    INVALID_SOP_INSTANCE = 0x0117
    NO_SUCH_SOP_CLASS = 0x0118
    CLASS_INSTANCE_CONFLICT = 0x0119
    MISSING_ATTRIBUTE = 0x0120
    MISSING_ATTRIBUTE_VALUE = 0x0121
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION = 0x0123
    NOT_AUTHORIZED = 0x0124
    DUPLICATE_INVOCATION = 0x0210
    UNRECOGNIZED_OPERATION = 0x0211
    MISTYPED_ARGUMENT = 0x0212
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    MATCHES_NOT_COUNTED = 0xA701
    """Out of resources: the matches of a C-MOVE or C-GET could not be counted."""
    SUBOPERATIONS_NOT_PERFORMED = 0xA702
    MOVE_DESTINATION_UNKNOWN = 0xA801
    DATA_SET_MISMATCH = 0xA900
    """The data set does not match the SOP class; of a query, the identifier does not."""
    COERCED = 0xB000
    """C-STORE: stored, with elements changed."""
    SUBOPERATIONS_FAILED = 0xB000
    """C-MOVE, C-GET: complete, with failures or warnings."""
    ELEMENTS_DISCARDED = 0xB006
    STORED_DESPITE_MISMATCH = 0xB007
    CANNOT_UNDERSTAND = 0xC000
    """C-STORE: cannot understand; of a query, unable to process."""
    CANCEL = 0xFE00
    PENDING = 0xFF00
    PENDING_KEYS_IGNORED = 0xFF01


def is_pending(status: int) -> bool:
    """Whether more responses follow (PS3.7 §C.1.3)."""
    return status in (Status.PENDING, Status.PENDING_KEYS_IGNORED)


def is_warning(status: int) -> bool:
    """Whether what was asked is done, but not just as asked (PS3.7 §C.3)."""
    return status in _WARNINGS or 0xB000 <= status <= 0xBFFF


_WARNINGS = frozenset(
    {
        Status.OPTIONAL_CLASSES_NOT_SUPPORTED,
        Status.ATTRIBUTE_LIST_ERROR,
        Status.ATTRIBUTE_VALUE_OUT_OF_RANGE,
    }
)
