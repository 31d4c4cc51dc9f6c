"""Associations with the archive: who is let in, what is agreed on, and how they end (PS3.8)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dimse_door import Address, opened
from filmroom.association.connection import connect
from filmroom.association.messages import Command, CommandField, Message
from filmroom.association.negotiation import propose
from filmroom.association.pdus import AssociateRequest, ContextResult
from filmroom.core.archive import Archive

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
ECHO = AssociateRequest("FILMROOM", "TESTER", propose([(VERIFICATION, [IMPLICIT])]))


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        yield address


def test_an_echo_is_answered(door: Address) -> None:
    connection, accept = connect(door, ECHO)
    with connection:
        assert [context.result for context in accept.contexts] == [ContextResult.ACCEPTANCE]
        connection.send_message(1, Command(field=CommandField.C_ECHO_RQ, message_id=7))
        heard = connection.hear()
        assert isinstance(heard, Message)
        assert heard.command.field is CommandField.C_ECHO_RSP
        assert heard.command.responded_to == 7
        assert heard.command.status == 0
        assert connection.release()
