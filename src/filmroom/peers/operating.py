"""Normalized operations, as SCU, and as SCP of what a peer reports meanwhile (PS3.7 §10)."""

from __future__ import annotations

from filmroom.association.items import RoleSelection
from filmroom.association.messages import Command, CommandField, Message, response_to
from filmroom.association.statuses import Status
from filmroom.dicom.datasets import read_dataset, write_dataset
from filmroom.errors import Malformed
from filmroom.model.remote import Heard, Operation, Performed, Verb
from filmroom.peers.asking import Asking

FIELDS = {
    Verb.EVENT_REPORT: CommandField.N_EVENT_REPORT_RQ,
    Verb.GET: CommandField.N_GET_RQ,
    Verb.SET: CommandField.N_SET_RQ,
    Verb.ACTION: CommandField.N_ACTION_RQ,
    Verb.CREATE: CommandField.N_CREATE_RQ,
    Verb.DELETE: CommandField.N_DELETE_RQ,
}
_AFFECTED = frozenset({Verb.EVENT_REPORT, Verb.CREATE})
"""Operations whose command names the affected SOP instance, not the requested one."""


def abstract_syntax(operation: Operation) -> str:
    """What an operation is asked for in."""
    return operation.context or operation.sop_class


def roles(operation: Operation) -> tuple[RoleSelection, ...]:
    """The roles that are to be agreed on: who reports an event is the SCP (PS3.7 §D.3.3.4)."""
    if operation.verb is not Verb.EVENT_REPORT:
        return ()
    return (RoleSelection(abstract_syntax(operation), scu=False, scp=True),)


def performed(
    asking: Asking, operation: Operation, heard: Heard | None = None, wait: float = 0.0
) -> Performed:
    """The answer to an operation, and what the peer reported meanwhile and soon after."""
    serve = _Listening(heard).serve if heard else None
    context = asking.context_for(abstract_syntax(operation))
    data = b""
    if operation.attributes is not None:
        data = write_dataset(operation.attributes, context.transfer_syntax)
    request = asking.request(context.id, _command(operation), [data])
    response = asking.response(request.field, serve)
    attributes = None
    if response.has_data:
        attributes = read_dataset(asking.read(), context.transfer_syntax)
    asking.check(response, operation.verb)
    if serve is not None and wait > 0:
        asking.heard_within(wait, serve)
    instance = response.instance or operation.instance
    return Performed(response.status or 0, instance, attributes)


def _command(operation: Operation) -> Command:
    affected = operation.verb in _AFFECTED
    instance = operation.instance or None
    return Command(
        field=FIELDS[operation.verb],
        has_data=operation.attributes is not None,
        sop_class=operation.sop_class if affected else None,
        instance=instance if affected else None,
        requested_sop_class=None if affected else operation.sop_class,
        requested_instance=None if affected else instance,
        event_type=operation.kind if operation.verb is Verb.EVENT_REPORT else None,
        action_type=operation.kind if operation.verb is Verb.ACTION else None,
    )


class _Listening:
    """Answers a peer's N-EVENT-REPORTs."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def serve(self, asking: Asking, message: Message) -> None:
        command = message.command
        asking.send(message.context_id, response_to(command, self._status(asking, message)))

    def _status(self, asking: Asking, message: Message) -> int:
        command = message.command
        data = asking.read()
        if command.field is not CommandField.N_EVENT_REPORT_RQ:
            return Status.UNRECOGNIZED_OPERATION
        context = asking.connection.association.contexts[message.context_id]
        try:
            attributes = read_dataset(data, context.transfer_syntax) if data else None
        except Malformed:
            return Status.INVALID_ARGUMENT_VALUE
        return self._heard(
            Operation(
                Verb.EVENT_REPORT,
                command.sop_class or "",
                command.instance or "",
                command.event_type,
                attributes,
            )
        )
