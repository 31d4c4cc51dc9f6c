"""Associations with the archive: who is let in, what is agreed on, and how they end (PS3.8)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dimse_door import (
    CT,
    EXPLICIT,
    IMPLICIT,
    VERIFICATION,
    Address,
    answer,
    c_store,
    called,
    echo,
    opened,
)
from filmroom.association.connection import Rejected, connect
from filmroom.association.items import OURSELVES, IdentityKind, RoleSelection, UserIdentity
from filmroom.association.messages import Command, CommandField, Message
from filmroom.association.negotiation import propose
from filmroom.association.pdus import Abort, AssociateRequest, ContextResult
from filmroom.association.statuses import Status
from filmroom.core.archive import Archive
from filmroom.dimse.callers import may
from filmroom.dimse.session import Caller
from filmroom.dimse.tls import incoming_tls
from filmroom.errors import Malformed
from filmroom.model.peer import EVERYTHING, Peer, Service
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, part10

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
ECHO = AssociateRequest("FILMROOM", "TESTER", propose([(VERIFICATION, [IMPLICIT])]))
PERMANENT, TRANSIENT = 1, 2


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        yield address


def rejection(door: Address, request: AssociateRequest) -> tuple[int, int, int]:
    """Result, source and reason."""
    with pytest.raises(Rejected) as told:
        connect(door, request)
    rejected = told.value.answer
    return rejected.result, rejected.source, rejected.reason


def results(door: Address, request: AssociateRequest) -> list[int]:
    """What is said to each presentation context."""
    connection, accept = connect(door, request)
    with connection:
        return [context.result for context in accept.contexts]


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


def test_the_archive_says_what_it_is_and_how_much_it_takes(archive: Archive, door: Address) -> None:
    connection, accept = connect(door, ECHO)
    with connection:
        assert accept.user.implementation_version == OURSELVES.implementation_version
        assert accept.user.max_length == archive.settings.dimse_max_length == 131072


def test_any_title_is_answered(door: Address) -> None:
    assert results(door, replace(ECHO, called="NOBODY")) == [ContextResult.ACCEPTANCE]


class TestStrict:
    """Where callers must call the archive by a title of its own."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        update = {"dimse_check_called": True, "dimse_aets": ("SECOND", "THIRD")}
        return settings.model_copy(update=update)

    def test_each_of_its_titles_is_answered_and_no_other(self, door: Address) -> None:
        for title in ("FILMROOM", "SECOND", "THIRD"):
            assert results(door, replace(ECHO, called=title)) == [ContextResult.ACCEPTANCE]
        # Permanent, by the service user: called AE title not recognized
        assert rejection(door, replace(ECHO, called="NOBODY")) == (PERMANENT, 1, 7)


def test_another_application_context_is_rejected(door: Address) -> None:
    assert rejection(door, replace(ECHO, application_context="1.2.3")) == (PERMANENT, 1, 2)


class TestNoStrangers:
    """Where those who are no peers may do nothing."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"dimse_unknown": ("none",)})

    def test_only_peers_come_in_and_do_what_they_may(self, archive: Archive) -> None:
        peer = Peer("ct", "CT1", "127.0.0.1", 104, may=frozenset({Service.STORE}))
        wanted = propose(
            [(VERIFICATION, [IMPLICIT]), (CT, [IMPLICIT]), (STUDY_ROOT_FIND, [IMPLICIT])]
        )
        request = AssociateRequest("FILMROOM", "CT1", wanted)
        known = {("CT1", "127.0.0.1"): peer}
        with opened(archive, lambda *who: known.get(who)) as door:
            # Permanent, by the service user: calling AE title not recognized
            assert rejection(door, ECHO) == (PERMANENT, 1, 3)
            assert results(door, request) == [3, 0, 3]


@pytest.mark.parametrize(
    ("address", "services"),
    [
        ("127.0.0.1", EVERYTHING),
        ("::1", EVERYTHING),
        ("::ffff:127.0.0.1", EVERYTHING),
        ("192.0.2.7", {Service.ECHO, Service.STORE}),
        ("fe80::1%eth0", {Service.ECHO, Service.STORE}),
    ],
)
def test_strangers_do_everything_from_here_and_little_from_elsewhere(
    address: str, services: frozenset[Service]
) -> None:
    assert may(Caller("ANY", address), Settings()) == services


def test_a_setting_says_what_strangers_may_do() -> None:
    settings = Settings(dimse_unknown=("echo", "find"))
    for address in ("127.0.0.1", "192.0.2.7"):
        assert may(Caller("ANY", address), settings) == {Service.ECHO, Service.FIND}
    peer = Peer("p", "ANY", "192.0.2.7", 104, may=frozenset({Service.GET}))
    assert may(Caller("ANY", "192.0.2.7", peer), settings) == {Service.GET}


def test_what_nobody_serves_is_refused_alone(door: Address) -> None:
    wanted = propose([("1.2.840.10008.5.1.1.9", [IMPLICIT]), (VERIFICATION, [IMPLICIT])])
    assert results(door, AssociateRequest("FILMROOM", "T", wanted)) == [
        ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED,
        ContextResult.ACCEPTANCE,
    ]


def test_a_caller_may_be_scp_of_what_it_will_get(door: Address) -> None:
    user = replace(OURSELVES, roles=(RoleSelection(CT, scu=False, scp=True),))
    request = AssociateRequest("FILMROOM", "T", propose([(CT, [EXPLICIT])]), user)
    connection, accept = connect(door, request)
    with connection:
        assert accept.user.roles == (RoleSelection(CT, scu=False, scp=True),)
        assert [context.result for context in accept.contexts] == [ContextResult.ACCEPTANCE]


def test_a_message_that_a_context_is_not_for_is_told_so(door: Address) -> None:
    with called(door, (VERIFICATION, [IMPLICIT]), (CT, [EXPLICIT])) as connection:
        find = Command(field=CommandField.C_FIND_RQ, has_data=True, message_id=3)
        connection.send_message(1, find, [b"\0" * 300_000])
        told = answer(connection)
        assert (told.field, told.responded_to) == (CommandField.C_FIND_RSP, 3)
        assert told.status == Status.UNRECOGNIZED_OPERATION
        assert c_store(connection, part10(ct_slice(1)), 3).status == Status.SUCCESS


class TestCrowd:
    """With room for three associations, two from one address."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        update = {"dimse_associations": 3, "dimse_per_address": 2}
        return settings.model_copy(update=update)

    def test_who_finds_no_room_may_come_again(self, door: Address) -> None:
        with called(door) as first, called(door):
            # Transient, by the presentation layer: local limit exceeded
            assert rejection(door, ECHO) == (TRANSIENT, 3, 2)
            assert first.release()
            until = time.monotonic() + 10
            while time.monotonic() < until:
                try:
                    connection, _ = connect(door, ECHO)
                except Rejected:
                    continue  # the door has not seen yet that one is gone
                with connection:
                    assert echo(connection) == Status.SUCCESS
                return
            pytest.fail("there is no room although one is gone")


class TestImpatient:
    """With little time."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"dimse_artim": 0.2, "dimse_idle": 0.3})

    def test_who_asks_for_nothing_is_let_go(self, door: Address) -> None:
        with socket.create_connection(door, 10) as sock:
            assert sock.recv(1) == b""

    def test_who_is_silent_is_aborted(self, door: Address) -> None:
        with called(door) as connection:
            assert isinstance(connection.hear(), Abort)


def user(name: bytes, passcode: bytes, *, wants_response: bool = False) -> AssociateRequest:
    identity = UserIdentity(IdentityKind.PASSCODE, name, passcode, wants_response)
    return replace(ECHO, user=replace(OURSELVES, identity=identity))


def test_a_user_is_let_in_by_name_and_passcode(archive: Archive) -> None:
    def identify(shown: UserIdentity) -> bytes | None:
        return b"" if (shown.primary, shown.secondary) == (b"ann", b"secret") else None

    with opened(archive, identify=identify) as door:
        for wants_response in (False, True):
            asked = user(b"ann", b"secret", wants_response=wants_response)
            connection, accept = connect(door, asked)
            with connection:
                assert accept.user.identity_response == (b"" if wants_response else None)
        assert rejection(door, user(b"ann", b"guessed")) == (PERMANENT, 2, 1)


def test_a_user_is_let_in_unseen_where_nobody_asks(door: Address) -> None:
    assert results(door, user(b"ann", b"secret")) == [ContextResult.ACCEPTANCE]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "setting dimse_tls needs a certificate: dimse_tls_certificate names it"),
        (
            {"dimse_tls_certificate": "/nowhere/archive.pem"},
            "the certificates of the DIMSE door cannot be read: No such file or directory",
        ),
    ],
)
def test_tls_without_its_files_is_refused_in_one_line(files: dict[str, str], said: str) -> None:
    with pytest.raises(Malformed) as told:
        incoming_tls(Settings(dimse_tls="required", **files))
    assert str(told.value) == said
