"""All services of the door, on one page."""

from __future__ import annotations

from filmroom.association.messages import CommandField
from filmroom.association.negotiation import Offer
from filmroom.dicom.storage_classes import is_storage
from filmroom.dimse.commitment import COMMITMENT
from filmroom.dimse.echo import ECHO
from filmroom.dimse.find import FIND
from filmroom.dimse.get import GET
from filmroom.dimse.move import MOVE
from filmroom.dimse.provided import Handler, Provided
from filmroom.dimse.steps import STEP_READING, STEPS
from filmroom.dimse.store import STORE, storage_offer
from filmroom.dimse.worklist import WORKLIST
from filmroom.settings import Settings

SERVICES: tuple[Provided, ...] = (ECHO, FIND, GET, MOVE, WORKLIST, STEPS, STEP_READING, COMMITMENT)
"""All but `STORE`, whose abstract syntaxes are without number."""

_BY_SYNTAX: dict[str, Provided] = {
    syntax: provided for provided in SERVICES for syntax in provided.offers
}


def provided_for(abstract_syntax: str) -> Provided | None:
    """The service of an abstract syntax; None: we have none."""
    provided = _BY_SYNTAX.get(abstract_syntax)
    return STORE if provided is None and is_storage(abstract_syntax) else provided


def offer_for(abstract_syntax: str, provided: Provided, settings: Settings) -> Offer:
    """What we do for an abstract syntax of a service."""
    if provided is STORE:
        return storage_offer(settings)
    return provided.offers[abstract_syntax]


def handler_for(abstract_syntax: str, field: CommandField) -> Handler | None:
    """What serves a message in a presentation context of an abstract syntax."""
    provided = provided_for(abstract_syntax)
    return provided.handlers.get(field) if provided else None
