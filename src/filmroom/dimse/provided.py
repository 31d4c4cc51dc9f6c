"""What a service file exports: the abstract syntaxes it serves, and its handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from filmroom.association.messages import CommandField, Message
from filmroom.association.negotiation import Offer
from filmroom.dimse.session import Session
from filmroom.model.peer import Service

Handler = Callable[[Session, Message], None]
"""Serves one message: reads its data set, answers it. An ArchiveError it raises is answered
with a failure, any other error with a processing failure."""


@dataclass(frozen=True, slots=True)
class Provided:
    """Messages that are served in presentation contexts of some abstract syntaxes."""

    service: Service
    """What a caller must be allowed to do."""
    offers: Mapping[str, Offer]
    """By abstract syntax."""
    handlers: Mapping[CommandField, Handler]
    extended: Callable[[bytes], bytes] | None = None
    """What is answered to the requester's extended negotiation (PS3.7 §D.3.3.5); None: nothing."""
