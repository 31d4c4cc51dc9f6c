"""What instances are sent as, and over how many associations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filmroom.core import outgoing as sent_as
from filmroom.core.archive import Archive
from filmroom.core.outgoing import batches, forms, outgoing
from filmroom.core.selected import select
from filmroom.dicom.part10 import read_file_meta
from filmroom.errors import Broken
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.remote import Proposal
from filmroom.model.selection import Selection
from filmroom.testing.objects import ct_slice, part10, uid

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
J2K, HTJ2K, MPEG4 = (f"1.2.840.10008.1.2.4.{n}" for n in (90, 201, 102))
PRIVATE = "1.2.3.4"


def located(
    number: int, sop_class: str = "1.1", syntax: str = EXPLICIT, frames: int = 1
) -> Located:
    ref = InstanceRef("1", "2", f"3.{number}")
    return Located(ref, sop_class, syntax, "0" * 64, 1000, frames, 0.0)


def test_each_stored_transfer_syntax_has_a_context_of_its_own() -> None:
    instances = (located(1), located(2, syntax=J2K), located(3, "1.2"), located(4))

    (batch,) = batches(instances)

    assert batch.instances == instances
    assert batch.proposals == (
        Proposal("1.1", (EXPLICIT, IMPLICIT)),
        Proposal("1.1", (EXPLICIT,)),
        Proposal("1.1", (J2K,)),
        Proposal("1.2", (EXPLICIT, IMPLICIT)),
        Proposal("1.2", (EXPLICIT,)),
    )


def test_what_a_peer_likes_is_proposed_first() -> None:
    (batch,) = batches([located(1)], [HTJ2K])
    assert [one.transfer_syntaxes for one in batch.proposals] == [
        (EXPLICIT, IMPLICIT),
        (HTJ2K,),
        (EXPLICIT,),
    ]


def test_more_contexts_than_an_association_has_take_several() -> None:
    instances = [located(n, f"1.{n % 100}") for n in range(200)]

    parts = list(batches(instances))

    assert [len(part.proposals) for part in parts] == [128, 72]
    assert sorted(one.ref for part in parts for one in part.instances) == sorted(
        one.ref for one in instances
    )
    for part in parts:
        proposed = {one.sop_class for one in part.proposals}
        assert {one.sop_class for one in part.instances} == proposed


def test_nothing_takes_no_association() -> None:
    assert list(batches([])) == []


@pytest.mark.parametrize(
    ("stored", "frames", "liked", "taken", "expected"),
    [
        pytest.param(J2K, 1, (), {J2K, EXPLICIT}, [J2K, EXPLICIT], id="as stored"),
        pytest.param(J2K, 1, (), {IMPLICIT}, [IMPLICIT], id="decoded"),
        pytest.param(EXPLICIT, 1, (HTJ2K,), {EXPLICIT, HTJ2K}, [HTJ2K, EXPLICIT], id="as liked"),
        pytest.param(EXPLICIT, 0, (HTJ2K,), {EXPLICIT, HTJ2K}, [EXPLICIT], id="without pixels"),
        pytest.param(MPEG4, 9, (EXPLICIT,), {EXPLICIT, MPEG4}, [MPEG4], id="not decodable"),
        pytest.param(MPEG4, 9, (), {EXPLICIT}, [], id="in no form"),
        pytest.param(PRIVATE, 1, (), {PRIVATE, EXPLICIT}, [PRIVATE], id="private"),
        pytest.param(EXPLICIT, 1, (BIG,), {EXPLICIT, BIG}, [EXPLICIT], id="not written here"),
    ],
)
def test_forms_come_the_best_first(
    stored: str, frames: int, liked: tuple[str, ...], taken: set[str], expected: list[str]
) -> None:
    one = located(1, syntax=stored, frames=frames)
    assert forms(one, liked, lambda _, uid: uid in taken) == expected


@pytest.mark.parametrize("at_once", [0, 1 << 20])
def test_a_data_set_is_what_follows_the_meta_information(
    at_once: int, archive: Archive, store: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_as, "AT_ONCE", at_once)
    file = part10(ct_slice(1, 1, 1, size=700))
    store(archive, file)
    (one,) = select(archive, Selection(uid(1)))

    sent = outgoing(archive, one, EXPLICIT)
    pieces = [bytes(piece) for piece in sent.data]

    assert b"".join(pieces) == file[read_file_meta(memoryview(file)).end :]
    assert all(len(piece) % 2 == 0 for piece in pieces[:-1])
    assert (sent.sop_class, sent.instance, sent.transfer_syntax) == (
        one.sop_class,
        uid(1, 1, 1),
        EXPLICIT,
    )


@pytest.mark.parametrize("at_once", [0, 1 << 20])
def test_a_blob_that_is_gone_is_our_fault(
    at_once: int, archive: Archive, store: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_as, "AT_ONCE", at_once)
    store(archive, part10(ct_slice(1, 1, 1)))
    (one,) = select(archive, Selection(uid(1)))
    archive.storage.delete(one.key)
    with pytest.raises(Broken):
        outgoing(archive, one, EXPLICIT)
