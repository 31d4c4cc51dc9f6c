"""The listening side: a thread an association, and a bound on all that is not one yet."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress

from filmroom.association.connection import Connection, Disconnected, Patience
from filmroom.association.pdus import (
    AssociateReject,
    AssociateRequest,
    RejectReason,
    RejectResult,
)
from filmroom.association.protocol import Role
from filmroom.core.archive import Archive
from filmroom.dimse.admission import Doorkeeper
from filmroom.dimse.places import Guest, Places
from filmroom.dimse.serving import serve
from filmroom.dimse.session import Session
from filmroom.dimse.tls import incoming_tls, shake_hands, speaks_tls
from filmroom.settings import Settings

GRACE = 3.0  # seconds that messages under way have when the door closes
BREATH = 0.1  # seconds without file handles before accepting is tried again

log = logging.getLogger(__name__)


class Acceptor:
    """The DIMSE door on a listening socket, which it closes; a context manager."""

    def __init__(self, archive: Archive, listening: socket.socket, doorkeeper: Doorkeeper) -> None:
        settings = archive.settings
        self._archive = archive
        self._listening = listening
        self._doorkeeper = doorkeeper
        self._patience = patience_of(settings)
        self._tls = incoming_tls(settings)
        self._places = Places(
            settings.dimse_associations, settings.dimse_per_address, settings.dimse_half_open
        )
        self._closing = False
        self._thread = threading.Thread(target=self._accept_all, name="dimse-accept")

    def __enter__(self) -> Acceptor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, grace: float = GRACE) -> None:
        """Accept nobody any more and end all associations."""
        self._closing = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._thread.join()
        self._listening.close()
        deadline = time.monotonic() + grace
        guests = self._places.everybody()
        for guest in guests:
            guest.end(max(0.0, deadline - time.monotonic()))
        for guest in guests:
            if guest.thread is not None:
                guest.thread.join()

    def _accept_all(self) -> None:
        while not self._closing:
            try:
                sock, address = self._listening.accept()
            except OSError as error:
                if not self._closing:
                    log.warning("cannot accept", extra={"reason": error.strerror})
                    time.sleep(BREATH)
                continue
            guest = Guest(sock, str(address[0]))
            self._places.come(guest)
            guest.thread = threading.Thread(target=self._receive, args=(guest,), name="dimse")
            try:
                guest.thread.start()
            except RuntimeError:  # there can be no more threads now: the others go on
                guest.thread = None
                self._places.leave(guest)
                sock.close()
                log.warning("cannot accept", extra={"reason": "no thread to be had"})
                time.sleep(BREATH)

    def _receive(self, guest: Guest) -> None:
        try:
            self._secure(guest)
            with Connection(guest.sock, Role.ACCEPTOR, self._patience) as connection:
                heard = connection.hear()
                if isinstance(heard, AssociateRequest):
                    self._answer(guest, connection, heard)
        except (Disconnected, OSError) as error:
            log.debug("a caller has gone", extra={"reason": str(error)})
        except Exception:
            log.exception("an association failed")
        finally:
            guest.sock.close()
            self._places.leave(guest)

    def _secure(self, guest: Guest) -> None:
        """Speak TLS with a caller who must, or may and wants to; OSError."""
        patience = self._patience.artim
        required = self._archive.settings.dimse_tls == "required"
        if self._tls is None or not (required or speaks_tls(guest.sock, patience)):
            return
        secured = self._tls.wrap_socket(guest.sock, server_side=True, do_handshake_on_connect=False)
        guest.sock = secured
        shake_hands(secured, patience)

    def _answer(self, guest: Guest, connection: Connection, request: AssociateRequest) -> None:
        if not self._places.take(guest):
            reason, result = RejectReason.LOCAL_LIMIT_EXCEEDED, RejectResult.TRANSIENT
            self._reject(guest, connection, request, AssociateReject.because(reason, result))
            return
        told, caller = self._doorkeeper.answer(request, guest.address)
        if isinstance(told, AssociateReject):
            self._reject(guest, connection, request, told)
            return
        connection.send(told)
        serve(Session(self._archive, connection, request, told, caller), guest.at_work)

    def _reject(
        self,
        guest: Guest,
        connection: Connection,
        request: AssociateRequest,
        rejection: AssociateReject,
    ) -> None:
        log.info(
            "rejected",
            extra={
                "caller": request.calling,
                "called": request.called,
                "address": guest.address,
                "result": rejection.result,
                "source": rejection.source,
                "reason": rejection.reason,
            },
        )
        connection.send(rejection)
        while connection.hear() is not None:
            pass  # the peer closes the connection


def patience_of(settings: Settings) -> Patience:
    """How long callers may take."""
    return Patience(
        artim=settings.dimse_artim,
        idle=settings.dimse_idle,
        least_rate=settings.dimse_rate,
        period=settings.dimse_rate_window,
    )
