"""A server of one association on loopback, for tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from filmroom.association.connection import PATIENCE, Connection, Heard, Patience
from filmroom.association.messages import Message, response_to
from filmroom.association.negotiation import Offer, acceptance
from filmroom.association.pdus import AssociateRequest, ReleaseRequest, ReleaseResponse
from filmroom.association.protocol import Role
from filmroom.association.reading import Fragment
from filmroom.association.statuses import Status


class Archive:
    """Accepts everything, keeps data sets by instance, and what it was told."""

    def __init__(self, max_length: int = 16384) -> None:
        self.max_length = max_length
        self.heard: list[Heard] = []
        self.stored: dict[str | None, bytes] = {}

    def __call__(self, connection: Connection) -> None:
        data, asked = b"", None
        while (heard := connection.hear()) is not None:
            match heard:
                case AssociateRequest():
                    accept = acceptance(heard, lambda _: Offer(), max_length=self.max_length)
                    connection.send(accept)
                case Message(context_id, command):
                    asked = heard
                    if not command.has_data:
                        connection.send_message(context_id, response_to(command, 0))
                case Fragment():
                    data += heard.data
                    if heard.is_last and asked is not None:
                        self.stored[asked.command.instance], data = data, b""
                        connection.send_message(
                            heard.context_id, response_to(asked.command, Status.SUCCESS)
                        )
                case ReleaseRequest():
                    connection.send(ReleaseResponse())
            if not isinstance(heard, Fragment):
                self.heard.append(heard)


@contextmanager
def serving(
    serve: Callable[[Connection], None], patience: Patience = PATIENCE
) -> Iterator[tuple[str, int]]:
    """Address of a server that takes one association."""
    failed: list[BaseException] = []

    def run() -> None:
        sock, _ = listener.accept()
        try:
            with Connection(sock, Role.ACCEPTOR, patience) as connection:
                serve(connection)
        except BaseException as error:
            failed.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)  # nobody may come
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            thread.join(20)
    assert not thread.is_alive()
    assert failed == []
