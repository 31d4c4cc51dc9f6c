"""What is agreed on, by what was proposed and what is offered."""

from __future__ import annotations

import pytest

from filmroom.association.items import (
    AsynchronousWindow,
    ExtendedNegotiation,
    RoleSelection,
    UserInformation,
)
from filmroom.association.negotiation import (
    Offer,
    acceptance,
    agreed_role,
    answer_contexts,
    answer_roles,
    propose,
    refusal,
)
from filmroom.association.pdus import (
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextAnswer,
    ProposedContext,
)
from filmroom.errors import TooLarge

IMPLICIT, EXPLICIT, JPEG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"
ANY, STRICT, GET, UNKNOWN = "1.1", "1.2", "1.3", "1.4"
OFFERS = {
    ANY: Offer(),
    STRICT: Offer({IMPLICIT, EXPLICIT}, preferred=[EXPLICIT]),
    GET: Offer(scp=True),
}.get


@pytest.mark.parametrize(
    ("abstract", "proposed", "result", "syntax"),
    [
        pytest.param(ANY, [JPEG, IMPLICIT], 0, JPEG, id="the sender's first"),
        pytest.param(ANY, ["1.3.6.1.4.1.9"], 0, "1.3.6.1.4.1.9", id="a private one"),
        pytest.param(ANY, ["", EXPLICIT], 0, EXPLICIT, id="an empty one is passed over"),
        pytest.param(ANY, [], 4, IMPLICIT, id="none"),
        pytest.param(STRICT, [JPEG, IMPLICIT], 0, IMPLICIT, id="the first that is taken"),
        pytest.param(STRICT, [JPEG, IMPLICIT, EXPLICIT], 0, EXPLICIT, id="the preferred"),
        pytest.param(STRICT, [JPEG], 4, JPEG, id="none that is taken"),
        pytest.param(UNKNOWN, [JPEG], 3, JPEG, id="another abstract syntax"),
        pytest.param("", [IMPLICIT], 3, IMPLICIT, id="no abstract syntax"),
    ],
)
def test_a_context_is_answered(
    abstract: str, proposed: list[str], result: int, syntax: str
) -> None:
    context = ProposedContext(5, abstract, tuple(proposed))
    assert answer_contexts([context], OFFERS) == (ContextAnswer(5, result, syntax),)


def test_roles_are_those_proposed_and_offered() -> None:
    proposed = [
        RoleSelection(ANY, scu=True, scp=True),
        RoleSelection(GET, scu=True, scp=True),
        RoleSelection(STRICT, scu=False, scp=True),
        RoleSelection(UNKNOWN, scu=True, scp=True),
    ]
    answered = answer_roles(proposed, OFFERS)
    assert answered == (
        RoleSelection(ANY, scu=True, scp=False),
        RoleSelection(GET, scu=True, scp=True),
        RoleSelection(STRICT, scu=False, scp=False),
    )
    contexts = [ProposedContext(1, GET, (IMPLICIT,)), ProposedContext(3, STRICT, (IMPLICIT,))]
    results = [answer.result for answer in answer_contexts(contexts, OFFERS, answered)]
    assert results == [0, 1]


def test_who_may_be_no_scu_has_to_ask_for_another_role() -> None:
    contexts = [ProposedContext(1, GET, (IMPLICIT,))]
    offer = Offer(scu=False, scp=True)
    assert answer_contexts(contexts, lambda _: offer)[0].result == 1
    scp = RoleSelection(GET, scu=False, scp=True)
    assert answer_contexts(contexts, lambda _: offer, [scp])[0].result == 0


def test_a_requester_is_scu_alone_unless_both_sides_say_otherwise() -> None:
    both = RoleSelection(GET, scu=True, scp=True)
    default = RoleSelection(GET, scu=True, scp=False)
    assert agreed_role(GET, [both], []) == default
    assert agreed_role(GET, [], [both]) == default
    assert agreed_role(GET, [both], [both]) == both
    assert agreed_role(GET, [default], [both]) == default


def test_an_acceptance_tells_of_everything_that_was_asked() -> None:
    request = AssociateRequest(
        "OURS",
        "THEIRS",
        (ProposedContext(1, GET, (EXPLICIT,)), ProposedContext(3, UNKNOWN, (EXPLICIT,))),
        UserInformation(
            window=AsynchronousWindow(0, 0), roles=(RoleSelection(GET, scu=False, scp=True),)
        ),
    )
    extended = (ExtendedNegotiation("1.5", b"\1"),)
    assert acceptance(
        request, OFFERS, max_length=65536, extended=extended, identity_response=b""
    ) == AssociateAccept(
        "OURS",
        "THEIRS",
        (ContextAnswer(1, 0, EXPLICIT), ContextAnswer(3, 3, EXPLICIT)),
        UserInformation(
            max_length=65536,
            window=AsynchronousWindow(1, 1),
            roles=(RoleSelection(GET, scu=False, scp=True),),
            extended=extended,
            identity_response=b"",
        ),
    )


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (AssociateRequest("OURS", "KNOWN", ()), None),
        (AssociateRequest("OURS", "KNOWN", (), application_context=""), AssociateReject(1, 1, 2)),
        (AssociateRequest("OTHER", "KNOWN", ()), AssociateReject(1, 1, 7)),
        (AssociateRequest("OURS", "STRANGER", ()), AssociateReject(1, 1, 3)),
    ],
)
def test_a_request_is_refused_with_its_reason(
    request_: AssociateRequest, expected: AssociateReject | None
) -> None:
    assert refusal(request_, {"OURS"}, {"KNOWN"}) == expected


def test_anyone_may_call_anyone_if_no_titles_are_given() -> None:
    assert refusal(AssociateRequest("", "", ())) is None


def test_contexts_are_numbered_oddly_and_are_no_more_than_there_are_numbers() -> None:
    contexts = propose([(ANY, [IMPLICIT])] * 128)
    assert [context.id for context in contexts] == list(range(1, 256, 2))
    with pytest.raises(TooLarge, match="129"):
        propose([(ANY, [IMPLICIT])] * 129)
