"""The answer to a store request: Store Instances Response (PS3.18 §10.5.3, Annex I.2)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from http import HTTPStatus
from typing import Any

from filmroom.errors import ArchiveError, Broken, Busy, Full, Malformed, TooLarge
from filmroom.model.stored import Outcome, Stored
from filmroom.web.errors import status_of
from filmroom.web.reception import Failed

Attributes = dict[str, Any]
COMMENT_LENGTH = 64  # characters of an LO value (PS3.5 §6.2)
PASSED_ON = (Broken, Busy, Full, TooLarge)
"""What a whole request failed of, and a client can act on better than on a 409."""


class WarningReason(IntEnum):
    """What was odd about an instance that was stored (PS3.18 Table I.2-1)."""

    COERCION = 0xB000
    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 0xB007


def store_response(
    outcomes: Sequence[Stored | Failed], root: str, broken: ArchiveError | None = None
) -> Attributes:
    """The response module, every part accounted for; `root` is the DICOMweb root's URL."""
    stored = [outcome for outcome in outcomes if isinstance(outcome, Stored)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if broken is not None:
        failed.append(Failed(broken))
    named = [one for one in failed if all(one.uids)]
    others = [one for one in failed if not all(one.uids)]
    studies = {one.ref.study for one in stored}
    module: Attributes = {}
    if len(studies) == 1:
        module["00081190"] = value("UR", f"{root}/studies/{studies.pop()}")
    if named:
        module["00081198"] = sequence([_failed(one) for one in named])
    if stored:
        module["00081199"] = sequence([_stored(one, root) for one in stored])
    if others:
        module["0008119A"] = sequence([_failed(one) for one in others])
    return module


def store_status(
    outcomes: Sequence[Stored | Failed], broken: ArchiveError | None = None
) -> HTTPStatus:
    """200 all stored, 202 some failed or warned, 409 none stored (PS3.18 Table 10.5.3-1).

    A body that could not be read, room or time that ran out say so, if nothing was stored.
    """
    errors = [outcome.error for outcome in outcomes if isinstance(outcome, Failed)]
    if broken is not None:
        errors.append(broken)
    if len(errors) == len(outcomes) + (broken is not None):
        if broken is not None:
            return status_of(broken)
        if isinstance(errors[0], PASSED_ON) and len({type(error) for error in errors}) == 1:
            return status_of(errors[0])
        return HTTPStatus.CONFLICT
    warned = any(_warning(outcome) for outcome in outcomes if isinstance(outcome, Stored))
    return HTTPStatus.ACCEPTED if errors or warned else HTTPStatus.OK


def require_parts(outcomes: Sequence[Stored | Failed], broken: ArchiveError | None) -> None:
    """Raise what was wrong with a request that brought no part at all."""
    if not outcomes:
        raise broken or Malformed("the request holds no instance")


def value(vr: str, *values: str | int) -> Attributes:
    """One attribute."""
    return {"vr": vr, "Value": list(values)}


def sequence(items: list[Attributes]) -> Attributes:
    """One sequence."""
    return {"vr": "SQ", "Value": items}


def _warning(stored: Stored) -> WarningReason | None:
    if stored.outcome is Outcome.KEPT_FIRST:
        return WarningReason.COERCION
    return WarningReason.DATA_SET_DOES_NOT_MATCH_SOP_CLASS if stored.warnings else None


def _stored(stored: Stored, root: str) -> Attributes:
    ref = stored.ref
    item = {
        "00081150": value("UI", stored.sop_class),
        "00081155": value("UI", ref.instance),
        "00081190": value(
            "UR", f"{root}/studies/{ref.study}/series/{ref.series}/instances/{ref.instance}"
        ),
    }
    if reason := _warning(stored):
        item["00081196"] = value("US", int(reason))
        if stored.warnings:
            item |= _comment("; ".join(stored.warnings))
    return item


def _failed(failed: Failed) -> Attributes:
    named = zip(("00081150", "00081155"), failed.uids, strict=True)
    item = {tag: value("UI", uid) for tag, uid in named if uid}
    item["00081197"] = value("US", int(failed.reason))
    return item | _comment(str(failed.error))


def _comment(text: str) -> Attributes:
    """Error Comment, as other archives put it here: the standard's reasons are coarse."""
    plain = " ".join(text.replace("\\", "/").split())
    return {"00000902": value("LO", plain[:COMMENT_LENGTH])} if plain else {}
