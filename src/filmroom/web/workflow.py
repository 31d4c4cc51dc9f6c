"""`/api/worklist`, `/api/steps`, `/api/commitments`: what is scheduled, performed and kept."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from filmroom.core import commitment, steps, worklist
from filmroom.model.commitment import Commitment, CommitmentState
from filmroom.model.step import PerformedStatus, Step
from filmroom.model.worklist import Item
from filmroom.web.api_types import moment
from filmroom.web.request import archive_of

MOST = 1000

api = APIRouter(tags=["workflow"])
Limit = Annotated[int, Query(ge=1, le=MOST)]


class ItemIn(BaseModel):
    """A worklist item to be scheduled."""

    attributes: dict[str, Any]
    """By keyword with plain values, or as DICOM JSON: PatientName, PatientID, and
    ScheduledProcedureStepSequence of items with Modality, ScheduledStationAETitle,
    ScheduledProcedureStepStartDate and ScheduledProcedureStepStartTime, and what else there is."""
    called: str = ""
    """AE title by which callers must call us to be told of it; empty: any."""


class ItemOut(BaseModel):
    """A worklist item."""

    key: str
    attributes: dict[str, Any]
    """DICOM JSON."""
    called: str
    changed: datetime
    fault: str
    """Why its file cannot be read; such an item is told to nobody."""


class StepOut(BaseModel):
    """A performed procedure step."""

    instance: str
    status: PerformedStatus
    attributes: dict[str, Any]
    """DICOM JSON."""
    created: datetime
    changed: datetime
    source: str


class CommitmentOut(BaseModel):
    """A storage commitment that was asked of the archive."""

    transaction: str
    caller: str
    """AE title of who asked."""
    asked: datetime
    state: CommitmentState
    instances: int
    failed: dict[str, str] | None
    """SOP Instance UIDs that are not kept and why (PS3.3 §C.14.1.1); null before it was looked."""


def _item_out(item: Item) -> ItemOut:
    return ItemOut(
        key=item.key,
        attributes=item.attributes,
        called=item.called,
        changed=moment(item.changed),
        fault=item.fault,
    )


def _step_out(step: Step) -> StepOut:
    return StepOut(
        instance=step.instance,
        status=step.status,
        attributes=step.attributes,
        created=moment(step.created),
        changed=moment(step.changed),
        source=step.source,
    )


def _commitment_out(one: Commitment) -> CommitmentOut:
    failed = None
    if one.verdict is not None:
        failed = {what.instance: f"{why:04X}H" for what, why in one.verdict.failed}
    return CommitmentOut(
        transaction=one.transaction,
        caller=one.other,
        asked=moment(one.asked),
        state=one.state,
        instances=len(one.references),
        failed=failed,
    )


@api.get("/worklist")
def items(
    request: Request, after: str = "", limit: Limit = 100, ended: bool = False
) -> list[ItemOut]:
    """Worklist items by key; the next page is `after` the last one's."""
    found = worklist.page(archive_of(request), after=after, limit=limit, ended=ended)
    return [_item_out(item) for item in found]


@api.post("/worklist", status_code=201)
def schedule(request: Request, told: ItemIn) -> ItemOut:
    """Schedule an item; UIDs and IDs that it lacks are made."""
    return _item_out(worklist.add(archive_of(request), told.attributes, told.called))


@api.get("/worklist/{key:path}")
def item(request: Request, key: str) -> ItemOut:
    """One item."""
    return _item_out(worklist.get(archive_of(request), key))


@api.put("/worklist/{key:path}")
def reschedule(request: Request, key: str, told: ItemIn) -> ItemOut:
    """Put other attributes in the place of an item's; one of a file is changed there."""
    return _item_out(worklist.change(archive_of(request), key, told.attributes, told.called))


@api.delete("/worklist/{key:path}", status_code=204)
def take_off(request: Request, key: str) -> None:
    """Take an item off the worklist."""
    worklist.remove(archive_of(request), key)


@api.get("/steps")
def performed(
    request: Request,
    status: PerformedStatus | None = None,
    after: str = "",
    limit: Limit = 100,
) -> list[StepOut]:
    """Performed procedure steps by UID; the next page is `after` the last one's."""
    found = steps.page(archive_of(request), status, after, limit)
    return [_step_out(step) for step in found]


@api.get("/steps/{instance}")
def step(request: Request, instance: str) -> StepOut:
    """One performed procedure step."""
    return _step_out(steps.get(archive_of(request), instance))


@api.get("/commitments")
def commitments(request: Request, limit: Limit = 100) -> list[CommitmentOut]:
    """Storage commitments that were asked of the archive."""
    found = commitment.page(archive_of(request), limit=limit)
    return [_commitment_out(one) for _, one in found]
