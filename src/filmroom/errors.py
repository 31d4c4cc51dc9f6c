"""The error tree: what can go wrong, in the archive's own words.

Errors are raised where they are known and name the thing they are about. They
carry no status codes: each door looks an error up in one table of its own,
along the class's MRO.
"""

from __future__ import annotations

from enum import IntEnum


class ArchiveError(Exception):
    """Anything the archive refuses or fails to do."""


class Malformed(ArchiveError):
    """What was asked or sent does not follow the standard."""


class NotFound(ArchiveError):
    """The archive holds no such thing."""


class Forbidden(ArchiveError):
    """Who asks may not do this."""


class Conflict(ArchiveError):
    """What was asked contradicts what the archive holds."""


class NotAcceptable(ArchiveError):
    """The archive holds it, but in no form that was asked for."""


class Undecodable(NotAcceptable):
    """Pixels that cannot be made of what is stored: damaged, lying or too costly frames."""


class Unsupported(ArchiveError):
    """What was sent is of a kind that the archive does not take."""


class TooLarge(ArchiveError):
    """A limit was passed; the message names the limit."""


class Busy(ArchiveError):
    """Too much at once: asking again later will work."""


class Full(ArchiveError):
    """No room to store; reading goes on."""


class Unreachable(ArchiveError):
    """A peer does not answer, does not take us, or is gone in the middle."""


class Declined(ArchiveError):
    """A peer did not do what it was asked; `status` is its answer (PS3.7 Annex C)."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Broken(ArchiveError):
    """The archive's own fault: storage or index failed."""


class FailureReason(IntEnum):
    """Why an instance was not stored (PS3.18 Table I.2-2, PS3.4 Table B.2-1)."""

    PROCESSING_FAILURE = 0x0110
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NOT_AUTHORIZED = 0x0124
    DUPLICATE = 0x0111
    OUT_OF_RESOURCES = 0xA700
    DATA_SET_MISMATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122


class Refused(ArchiveError):
    """One instance was not stored; nothing of it is kept.

    `sop_class` and `instance` are the UIDs as far as they could be read, else "".
    """

    def __init__(
        self,
        message: str,
        reason: FailureReason = FailureReason.CANNOT_UNDERSTAND,
        *,
        sop_class: str = "",
        instance: str = "",
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.sop_class = sop_class
        self.instance = instance
