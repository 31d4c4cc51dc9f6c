"""All services of the door, on one page."""

from __future__ import annotations

from filmroom.association.messages import CommandField
from filmroom.association.negotiation import Offer
from filmroom.dimse.echo import ECHO
from filmroom.dimse.provided import Handler, Provided

SERVICES: tuple[Provided, ...] = (ECHO,)

_BY_SYNTAX: dict[str, Provided] = {
    syntax: provided for provided in SERVICES for syntax in provided.offers
}


def provided_for(abstract_syntax: str) -> Provided | None:
    """The service of an abstract syntax; None: we have none."""
    return _BY_SYNTAX.get(abstract_syntax)


def offer_for(abstract_syntax: str) -> Offer | None:
    """What we do for an abstract syntax; None: nothing."""
    provided = provided_for(abstract_syntax)
    return provided.offers[abstract_syntax] if provided else None


def handler_for(abstract_syntax: str, field: CommandField) -> Handler | None:
    """What serves a message in a presentation context of an abstract syntax."""
    provided = provided_for(abstract_syntax)
    return provided.handlers.get(field) if provided else None
