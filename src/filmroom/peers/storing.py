"""C-STORE, as SCU (PS3.4 Annex B, PS3.7 §9.1.1)."""

from __future__ import annotations

from filmroom.association.messages import Command, CommandField, Priority
from filmroom.model.remote import Originator, Outgoing
from filmroom.peers.asking import Asking


class Storing:
    """Instances stored one after another over one association."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._contexts = {
            (context.abstract_syntax, context.transfer_syntax): context.id
            for context in asking.connection.association.contexts.values()
        }

    def takes(self, sop_class: str, transfer_syntax: str) -> bool:
        return (sop_class, transfer_syntax) in self._contexts

    def send(self, outgoing: Outgoing, originator: Originator | None = None) -> None:
        command = Command(
            field=CommandField.C_STORE_RQ,
            has_data=True,
            message_id=self._asking.next_id(),
            sop_class=outgoing.sop_class,
            instance=outgoing.instance,
            priority=Priority.MEDIUM,
            originator=originator.title if originator else None,
            originator_message_id=originator.message_id if originator else None,
        )
        context_id = self._contexts[outgoing.sop_class, outgoing.transfer_syntax]
        self._asking.send(context_id, command, outgoing.data)

    def stored(self) -> bool:
        response = self._asking.response(CommandField.C_STORE_RQ)
        return self._asking.check(response, "C-STORE")
