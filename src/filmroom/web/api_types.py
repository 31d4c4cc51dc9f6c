"""What several operations of `/api/` take or tell: UIDs, selections, times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from filmroom.dicom.uids import is_uid
from filmroom.errors import Malformed
from filmroom.model.selection import Selection


def _uid(value: str) -> str:
    if not is_uid(value, leading_zeros=True):
        raise ValueError("is no UID")
    return value


Uid = Annotated[str, AfterValidator(_uid)]


class Selected(BaseModel):
    """A study, a series of it, or an instance of that."""

    model_config = ConfigDict(extra="forbid")

    study: Uid
    series: Uid | None = None
    instance: Uid | None = None


def selections_of(selected: Iterable[Selected]) -> list[Selection]:
    """What is selected; Malformed if an instance has no series."""
    found = [Selection(one.study, one.series, one.instance) for one in selected]
    if any(one.instance is not None and one.series is None for one in found):
        raise Malformed("an instance is named with its series")
    return found


def moment(seconds: float) -> datetime:
    """A time, given in seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
