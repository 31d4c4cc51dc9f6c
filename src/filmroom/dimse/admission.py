"""What is said to a request for an association (PS3.8 §7.1, PS3.7 §D.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from filmroom.association.items import ExtendedNegotiation, UserIdentity
from filmroom.association.negotiation import Offer, acceptance, refusal
from filmroom.association.pdus import (
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    RejectReason,
)
from filmroom.dimse.callers import WhoIs, may, own_titles
from filmroom.dimse.services import offer_for, provided_for
from filmroom.dimse.session import Caller
from filmroom.model.peer import Service
from filmroom.settings import Settings

Identify = Callable[[UserIdentity], bytes | None]
"""Checks who a user says he is: the server's response, empty but for Kerberos, SAML and JWT, or
None: it is not he (PS3.7 §D.3.3.7)."""


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Decides who comes in, and what for."""

    settings: Settings
    who_is: WhoIs
    identify: Identify | None = None
    """None: nobody asks who a user is."""

    def answer(
        self, request: AssociateRequest, address: str
    ) -> tuple[AssociateAccept | AssociateReject, Caller]:
        """What a caller at an address is told, and who it is."""
        caller = Caller(
            request.calling,
            address,
            self.who_is(request.calling, address),
            request.user.identity,
        )
        called = own_titles(self.settings) if self.settings.dimse_check_called else None
        rejection = refusal(request, called)
        if rejection is not None:
            return rejection, caller
        allowed = may(caller, self.settings)
        if not allowed:
            reason = RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED
            return AssociateReject.because(reason), caller
        response = None
        if caller.identity is not None and self.identify is not None:
            response = self.identify(caller.identity)
            if response is None:
                return AssociateReject.because(RejectReason.ACSE_NO_REASON), caller
        return self._accept(request, allowed, response), caller

    def _accept(
        self, request: AssociateRequest, allowed: frozenset[Service], response: bytes | None
    ) -> AssociateAccept:
        wants = request.user.identity is not None and request.user.identity.wants_response
        return acceptance(
            request,
            lambda syntax: self._offer(syntax, allowed),
            max_length=self.settings.dimse_max_length,
            extended=tuple(self._extended(request, allowed)),
            identity_response=response if wants else None,
        )

    def _offer(self, abstract_syntax: str, allowed: frozenset[Service]) -> Offer | None:
        provided = provided_for(abstract_syntax)
        if provided is None:
            return None
        offer = offer_for(abstract_syntax, provided, self.settings)
        if provided.service in allowed:
            return offer
        # Who may only fetch by C-GET is sent instances in these contexts and sends none.
        gets = provided.service is Service.STORE and Service.GET in allowed
        return replace(offer, scu=False) if gets else None

    def _extended(
        self, request: AssociateRequest, allowed: frozenset[Service]
    ) -> list[ExtendedNegotiation]:
        answers = []
        for asked in request.user.extended:
            provided = provided_for(asked.sop_class)
            if provided is None or provided.extended is None or provided.service not in allowed:
                continue
            told = provided.extended(asked.information)
            answers.append(ExtendedNegotiation(asked.sop_class, told))
        return answers
