"""A caller of normalized operations: requests by command, data sets by pydicom (PS3.7 §10)."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from dimse_asking import response, written
from filmroom.association.connection import Connection, connect
from filmroom.association.items import RoleSelection, UserInformation
from filmroom.association.messages import Command, CommandField
from filmroom.association.negotiation import propose
from filmroom.association.pdus import AssociateRequest

IMPLICIT = "1.2.840.10008.1.2"


def operating(
    address: tuple[str, int],
    *classes: str,
    title: str = "TESTER",
    roles: tuple[RoleSelection, ...] = (),
) -> Connection:
    """An association; its contexts are numbered 1, 3, … in the order of the SOP classes."""
    contexts = propose((sop_class, [IMPLICIT]) for sop_class in classes)
    request = AssociateRequest("FILMROOM", title, contexts, UserInformation(roles=roles))
    return connect(address, request)[0]


def operate(
    connection: Connection,
    field: CommandField,
    sop_class: str,
    instance: str | None,
    told: Dataset | None = None,
    context_id: int = 1,
    **elements: Any,
) -> tuple[Command, Dataset | None]:
    """The response to an operation on a SOP instance, and its data set if it has one."""
    affected = field in (CommandField.N_CREATE_RQ, CommandField.N_EVENT_REPORT_RQ)
    named = ("sop_class", "instance") if affected else ("requested_sop_class", "requested_instance")
    command = Command(
        field=field,
        has_data=told is not None,
        message_id=7,
        **dict(zip(named, (sop_class, instance), strict=True)),
        **elements,
    )
    data = [] if told is None else [written(told, IMPLICIT)]
    connection.send_message(context_id, command, data)
    return response(connection)
