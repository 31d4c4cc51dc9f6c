"""What is agreed on when an association is made: pure functions (PS3.8 §7.1.1, PS3.7 §D.3)."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass

from filmroom.association.items import (
    AsynchronousWindow,
    ExtendedNegotiation,
    RoleSelection,
    UserInformation,
)
from filmroom.association.pdus import (
    APPLICATION_CONTEXT,
    MAX_CONTEXTS,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextAnswer,
    ContextResult,
    ProposedContext,
    RejectReason,
)
from filmroom.dicom.uids import is_uid
from filmroom.errors import TooLarge

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
ONE_AT_A_TIME = AsynchronousWindow(1, 1)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an acceptor does for one abstract syntax."""

    transfer_syntaxes: Container[str] | None = None
    """Those taken; None is any."""
    preferred: Sequence[str] = ()
    """Taken before what the requester would rather have."""
    scu: bool = True
    """Whether the requester may be SCU."""
    scp: bool = False
    """Whether the requester may be SCP, as for C-GET."""


Offers = Callable[[str], Offer | None]
"""The offer for an abstract syntax; None refuses it. A function, for private SOP classes."""


def refusal(
    request: AssociateRequest,
    called: Container[str] | None = None,
    calling: Container[str] | None = None,
) -> AssociateReject | None:
    """The rejection of a request, None if there is no reason for one (PS3.8 §9.3.4).

    `called` are our AE titles, `calling` those of peers that may call; None is any.
    """
    if request.application_context != APPLICATION_CONTEXT:
        return AssociateReject.because(RejectReason.APPLICATION_CONTEXT_NOT_SUPPORTED)
    if called is not None and request.called not in called:
        return AssociateReject.because(RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED)
    if calling is not None and request.calling not in calling:
        return AssociateReject.because(RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED)
    return None


def acceptance(
    request: AssociateRequest,
    offers: Offers,
    *,
    max_length: int,
    extended: tuple[ExtendedNegotiation, ...] = (),
    identity_response: bytes | None = None,
) -> AssociateAccept:
    """The acceptance of a request; each of its presentation contexts has its own result."""
    roles = answer_roles(request.user.roles, offers)
    return AssociateAccept(
        request.called,
        request.calling,
        answer_contexts(request.contexts, offers, roles),
        UserInformation(
            max_length=max_length,
            window=ONE_AT_A_TIME if request.user.window else None,
            roles=roles,
            extended=extended,
            identity_response=identity_response,
        ),
    )


def answer_contexts(
    proposed: Iterable[ProposedContext], offers: Offers, roles: Iterable[RoleSelection] = ()
) -> tuple[ContextAnswer, ...]:
    """The answer to each presentation context; one that leaves no role is refused."""
    has_role = {role.sop_class: role.scu or role.scp for role in roles}
    answers = []
    for context in proposed:
        offer = offers(context.abstract_syntax)
        result, syntax = _answer(context, offer)
        role = has_role.get(context.abstract_syntax, offer is None or offer.scu)
        if result is ContextResult.ACCEPTANCE and not role:
            result = ContextResult.USER_REJECTION
        answers.append(ContextAnswer(context.id, result, syntax))
    return tuple(answers)


def answer_roles(proposed: Iterable[RoleSelection], offers: Offers) -> tuple[RoleSelection, ...]:
    """Of the roles that a requester proposes, those it may have (PS3.7 §D.3.3.4)."""
    return tuple(
        RoleSelection(role.sop_class, role.scu and offer.scu, role.scp and offer.scp)
        for role in proposed
        if (offer := offers(role.sop_class)) is not None
    )


def agreed_role(
    sop_class: str, proposed: Iterable[RoleSelection], answered: Iterable[RoleSelection]
) -> RoleSelection:
    """The requester's roles for a SOP class: SCU alone, unless both sides said otherwise."""
    asked = next((role for role in proposed if role.sop_class == sop_class), None)
    given = next((role for role in answered if role.sop_class == sop_class), None)
    if asked is None or given is None:
        return RoleSelection(sop_class, scu=True, scp=False)
    return RoleSelection(sop_class, asked.scu and given.scu, asked.scp and given.scp)


def propose(wanted: Iterable[tuple[str, Sequence[str]]]) -> tuple[ProposedContext, ...]:
    """Presentation contexts of abstract syntaxes and their transfer syntaxes, numbered."""
    contexts = tuple(
        ProposedContext(2 * i + 1, abstract, tuple(syntaxes))
        for i, (abstract, syntaxes) in enumerate(wanted)
    )
    if len(contexts) > MAX_CONTEXTS:
        raise TooLarge(f"{len(contexts)} presentation contexts, more than {MAX_CONTEXTS}")
    return contexts


def _answer(context: ProposedContext, offer: Offer | None) -> tuple[ContextResult, str]:
    """The result, and a transfer syntax, which means nothing in a refusal but has to be there."""
    # Some peers name none, or end the list with an empty one.
    named = [uid for uid in context.transfer_syntaxes if is_uid(uid, leading_zeros=True)]
    any_one = named[0] if named else IMPLICIT_LITTLE_ENDIAN
    if offer is None:
        return ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED, any_one
    in_order = [uid for uid in offer.preferred if uid in named] + named
    for uid in in_order:
        if offer.transfer_syntaxes is None or uid in offer.transfer_syntaxes:
            return ContextResult.ACCEPTANCE, uid
    return ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED, any_one
