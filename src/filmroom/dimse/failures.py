"""Failures as statuses of DIMSE responses: one table, looked up along the class's MRO."""

from __future__ import annotations

import logging

from filmroom.association.messages import Command, response_to
from filmroom.association.statuses import Status
from filmroom.errors import (
    ArchiveError,
    Broken,
    Busy,
    Conflict,
    Forbidden,
    Full,
    Malformed,
    NotFound,
    Refused,
    TooLarge,
    Unsupported,
)

log = logging.getLogger(__name__)

STATUSES: dict[type[ArchiveError], Status] = {
    ArchiveError: Status.PROCESSING_FAILURE,
    Busy: Status.RESOURCE_LIMITATION,
    Conflict: Status.DUPLICATE_SOP_INSTANCE,
    Forbidden: Status.NOT_AUTHORIZED,
    Full: Status.RESOURCE_LIMITATION,
    Malformed: Status.INVALID_ATTRIBUTE_VALUE,
    NotFound: Status.NO_SUCH_SOP_INSTANCE,
    TooLarge: Status.RESOURCE_LIMITATION,
    Unsupported: Status.UNRECOGNIZED_OPERATION,
}
"""A service whose SOP class has statuses of its own answers for itself."""
OURS = "the archive failed: its log tells why"


def status_of(error: ArchiveError) -> int:
    """The status that says what went wrong (PS3.7 Annex C)."""
    if isinstance(error, Refused):
        return int(error.reason)
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def failure(request: Command, error: ArchiveError, status: int | None = None) -> Command:
    """The response that says what went wrong, in its status and its Error Comment."""
    comment = str(error)
    if isinstance(error, Broken):
        log.error("failed", exc_info=error)
        comment = OURS
    return response_to(request, status_of(error) if status is None else status, comment=comment)
