"""C-FIND, C-MOVE and C-GET, as SCU (PS3.4 Annex C, PS3.7 §9.1.2 to §9.1.4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from filmroom.association.messages import (
    Command,
    CommandField,
    Message,
    Priority,
    cancel_of,
    response_to,
)
from filmroom.association.statuses import Status, is_pending
from filmroom.dicom.datasets import read_dataset, write_dataset
from filmroom.errors import (
    ArchiveError,
    Busy,
    Full,
    Malformed,
    Refused,
    TooLarge,
    Unreachable,
)
from filmroom.model.instance import Attributes
from filmroom.model.remote import Arriving, Cancelled, Report, Stores, Tally
from filmroom.peers.asking import Asking

AFTER_CANCEL = 10_000  # responses that are passed over once nobody wants them
FAILED_INSTANCES = "00080058"  # Failed SOP Instance UID List


def matches(asking: Asking, sop_class: str, identifier: Attributes) -> Iterator[Attributes]:
    """The matches of a C-FIND as they come; closing this cancels it."""
    context = asking.context_for(sop_class)
    request = _asked(asking, CommandField.C_FIND_RQ, sop_class, identifier)
    responses = asking.responses(request)
    try:
        for response in responses:
            if not is_pending(response.status or 0):
                asking.check(response, "C-FIND")
                return
            yield read_dataset(asking.read(), context.transfer_syntax)
    except GeneratorExit:
        with suppress(Unreachable):
            asking.send(context.id, cancel_of(request.message_id or 0))
            for _ in islice(responses, AFTER_CANCEL):
                pass
        raise


def moved(
    asking: Asking,
    sop_class: str,
    identifier: Attributes,
    destination: str,
    report: Report,
    cancelled: Cancelled,
) -> Tally:
    """What became of a C-MOVE."""
    request = _asked(asking, CommandField.C_MOVE_RQ, sop_class, identifier, destination=destination)
    return _Retrieval(asking, request, report, cancelled).over("C-MOVE")


def got(
    asking: Asking,
    sop_class: str,
    identifier: Attributes,
    store: Stores,
    report: Report,
    cancelled: Cancelled,
) -> Tally:
    """What became of a C-GET whose instances went to `store`."""
    request = _asked(asking, CommandField.C_GET_RQ, sop_class, identifier)
    return _Retrieval(asking, request, report, cancelled, store).over("C-GET")


def _asked(
    asking: Asking,
    field: CommandField,
    sop_class: str,
    identifier: Attributes,
    destination: str | None = None,
) -> Command:
    context = asking.context_for(sop_class)
    command = Command(
        field=field,
        has_data=True,
        sop_class=sop_class,
        priority=Priority.MEDIUM,
        destination=destination,
    )
    return asking.request(context.id, command, [write_dataset(identifier, context.transfer_syntax)])


class _Retrieval:
    """A C-MOVE or C-GET under way."""

    def __init__(
        self,
        asking: Asking,
        request: Command,
        report: Report,
        cancelled: Cancelled,
        store: Stores | None = None,
    ) -> None:
        self._asking, self._request = asking, request
        self._report, self._cancelled = report, cancelled
        self._store = store
        self._tally = Tally()
        self._cancel_sent = False

    def over(self, what: str) -> Tally:
        """Follow it to its end; Declined if it came to nothing at all."""
        asking, tally = self._asking, self._tally
        asking.meanwhile = self._cancel_if_asked
        for response in asking.responses(self._request, self._serve):
            self._count(response)
            if is_pending(response.status or 0):
                self._go_on()
                continue
            if response.status != Status.CANCEL:
                tally.remaining = 0
            failures = self._failures(response)
            tally.failures = failures or tally.failures
            tally.failed = max(tally.failed, len(failures))
            if tally.failed:
                told = response.comment or f"it ended with {response.status:04X}H"
                tally.message = tally.message or f"{what}: {told}"
            elif response.status != Status.CANCEL:
                asking.check(response, what)
        self._report(tally)
        return tally

    def _count(self, response: Command) -> None:
        """Take over the numbers that the peer tells; not all do."""
        for name in ("remaining", "completed", "failed", "warned"):
            told = getattr(response, name)
            if told is not None:
                setattr(self._tally, name, told)

    def _go_on(self) -> None:
        self._report(self._tally)
        self._cancel_if_asked()

    def _cancel_if_asked(self) -> None:
        if not self._cancel_sent and self._cancelled():
            self._cancel_sent = True
            context = self._asking.context_for(self._request.sop_class or "")
            self._asking.send(context.id, cancel_of(self._request.message_id or 0))

    def _failures(self, response: Command) -> list[str]:
        context = self._asking.context_for(self._request.sop_class or "")
        data = self._asking.read() if response.has_data else b""
        try:
            told = read_dataset(data, context.transfer_syntax)
        except Malformed:  # what became of the instances is more than what it says of them
            return []
        return [uid for uid in told.get(FAILED_INSTANCES, {}).get("Value", []) if uid]

    def _serve(self, asking: Asking, message: Message) -> None:
        """Take in one instance of a C-GET, or refuse what else is asked of us."""
        command = message.command
        if command.field is not CommandField.C_STORE_RQ or self._store is None:
            asking.drain()
            refusal = response_to(command, Status.UNRECOGNIZED_OPERATION)
            asking.send(message.context_id, refusal)
            return
        context = asking.connection.association.contexts[message.context_id]
        instance = command.instance or ""
        arriving = Arriving(
            command.sop_class or "", instance, context.transfer_syntax, asking.pieces()
        )
        status, comment = int(Status.SUCCESS), None
        tally = self._tally
        tally.remaining = max(tally.remaining - 1, 0)
        try:
            self._store(arriving)
            tally.completed += 1
        except Unreachable:
            raise
        except ArchiveError as error:
            status, comment = _failure_status(error), str(error)
            tally.failed += 1
            tally.failures.append(instance)
            tally.message = tally.message or comment
        asking.drain()
        asking.send(message.context_id, response_to(command, status, comment=comment))
        self._go_on()


def _failure_status(error: ArchiveError) -> int:
    """The status of a C-STORE that failed (PS3.4 §B.2.3)."""
    match error:
        case Refused(reason=reason):
            return int(reason)
        case Full() | TooLarge() | Busy():
            return Status.OUT_OF_RESOURCES
    return Status.PROCESSING_FAILURE
