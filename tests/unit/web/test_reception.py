"""Parts of one request, each with an outcome of its own, whatever fails below."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from filmroom import errors
from filmroom.core.archive import Archive
from filmroom.errors import FailureReason, Refused
from filmroom.model.instance import InstanceRef
from filmroom.model.stored import Outcome, Stored
from filmroom.web import reception as module
from filmroom.web.multipart import MultipartReader
from filmroom.web.reception import Failed, Reception, WholeBody, Writers
from filmroom.web.store_response import store_response, store_status

STORED = Stored(InstanceRef("1.2", "1.3", "1.4"), "1.5", Outcome.NEW)


class FakeIncoming:
    """An instance on its way in that does as it is told."""

    def __init__(self, finish: Stored | Exception, write: Exception | None = None) -> None:
        self.answer = finish
        self.refusal = write
        self.written = b""
        self.discarded = 0

    def write(self, chunk: memoryview) -> None:
        if self.refusal:
            raise self.refusal
        self.written += chunk

    def discard(self) -> None:
        self.discarded += 1


def finish_all(fakes: Sequence[FakeIncoming]) -> list[Stored | Exception]:
    for fake in fakes:
        fake.discard()
    return [fake.answer for fake in fakes]


@pytest.fixture
def writers() -> Iterator[Writers]:
    pool = Writers(2)
    yield pool
    pool.close()


@pytest.fixture
def receiving(
    monkeypatch: pytest.MonkeyPatch, archive: Archive, writers: Writers
) -> Callable[..., tuple[Reception, list[FakeIncoming]]]:
    """A reception whose parts do what is given, in turn."""

    def begin(*parts: FakeIncoming | Exception) -> tuple[Reception, list[FakeIncoming]]:
        coming = iter(parts)

        def receive(*_: object, patience: float) -> FakeIncoming:
            part = next(coming)
            if isinstance(part, Exception):
                raise part
            return part

        monkeypatch.setattr(module, "receive", receive)
        monkeypatch.setattr(module, "finish_all", finish_all)
        fakes = [part for part in parts if isinstance(part, FakeIncoming)]
        return Reception(archive, writers, MultipartReader(b"x"), "test"), fakes

    return begin


def body(*parts: bytes) -> bytes:
    return b"".join(b"--x\r\n\r\n" + part + b"\r\n" for part in parts) + b"--x--"


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_each_part_gets_its_bytes_and_its_outcome_in_order(receiving, step: int) -> None:
    refused = Refused("no DICOM")
    reception, fakes = receiving(FakeIncoming(STORED), FakeIncoming(refused), FakeIncoming(STORED))
    sent = body(b"first", b"", b"third")

    for at in range(0, len(sent), step):
        reception.feed(sent[at : at + step])

    assert reception.end() == [STORED, Failed(refused), STORED]
    assert [fake.written for fake in fakes] == [b"first", b"", b"third"]
    assert all(fake.discarded for fake in fakes)


@pytest.mark.parametrize("error", [errors.TooLarge("limit"), errors.Full("no room")])
def test_a_part_that_fails_midway_is_skipped_and_the_next_one_read(receiving, error) -> None:
    reception, fakes = receiving(FakeIncoming(STORED, write=error), FakeIncoming(STORED))

    reception.feed(body(b"a" * 100, b"second"))

    assert reception.end() == [Failed(error), STORED]
    assert fakes[0].discarded
    assert fakes[1].written == b"second"


def test_parts_that_are_there_give_up_their_places_before_the_next_waits_for_one(receiving) -> None:
    busy = errors.Busy("no place at once")
    reception, fakes = receiving(FakeIncoming(STORED), busy, FakeIncoming(STORED))

    reception.feed(body(b"first", b"second"))

    assert reception.end() == [STORED, STORED]
    assert fakes[1].written == b"second"


class Trickle:
    """A body whose sender falls silent after each piece."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    @property
    def left(self) -> int:
        return sum(map(len, self.pieces))

    def read_into(self, space: memoryview) -> int:
        piece = self.pieces.pop(0) if self.pieces else b""
        space[: len(piece)] = piece
        return len(piece)


def test_a_body_is_taken_until_nothing_comes_and_then_its_whole_parts_hold_no_place(
    receiving,
) -> None:
    reception, fakes = receiving(FakeIncoming(STORED), FakeIncoming(STORED))
    sent = body(b"first", b"second")
    trickle = Trickle(sent[:20], b"", sent[20:])

    assert not reception.feed_from(trickle)
    while not fakes[0].discarded:
        time.sleep(0.001)
    assert reception.feed_from(trickle)

    assert reception.end() == [STORED, STORED]
    assert [fake.written for fake in fakes] == [b"first", b"second"]


def test_a_part_that_finds_no_slot_fails_alone(receiving) -> None:
    busy = errors.Busy("2 instances are being stored already")
    reception, _ = receiving(busy, FakeIncoming(STORED))

    reception.feed(body(b"first", b"second"))

    assert reception.end() == [Failed(busy), STORED]


@pytest.mark.parametrize("fault", [ValueError("Doe^Jane"), errors.Broken("/data: EIO")])
def test_a_fault_of_ours_fails_its_part_and_no_other(receiving, fault: Exception) -> None:
    reception, _ = receiving(FakeIncoming(fault), FakeIncoming(STORED))

    reception.feed(body(b"first", b"second"))
    failed, stored = reception.end()

    assert stored == STORED
    assert isinstance(failed, Failed)
    assert failed.reason == FailureReason.PROCESSING_FAILURE
    assert str(failed.error) == "the archive failed; its log says how"


def test_a_sender_that_goes_leaves_nothing_open(receiving) -> None:
    reception, fakes = receiving(FakeIncoming(STORED), FakeIncoming(STORED))
    reception.feed(body(b"first", b"second")[:-10])

    reception.abort()
    reception.feed(b"\r\n--x--")

    assert all(fake.discarded for fake in fakes)
    assert reception.end() == [STORED]


def test_after_a_body_is_broken_nothing_more_is_read(receiving) -> None:
    reception, fakes = receiving(FakeIncoming(STORED), FakeIncoming(STORED))

    reception.feed(b"--x\r\n\r\nfirst\r\n--x\r\nno header\r\n\r\n")
    reception.feed(body(b"another"))

    assert isinstance(reception.broken, errors.Malformed)
    assert reception.end() == [STORED]
    assert fakes[1].written == b""


def test_a_whole_body_is_one_part(monkeypatch, archive: Archive, writers: Writers) -> None:
    fake = FakeIncoming(STORED)
    monkeypatch.setattr(module, "receive", lambda *_, patience: fake)
    monkeypatch.setattr(module, "finish_all", finish_all)
    reception = Reception(archive, writers, WholeBody(), "test")

    reception.feed(b"--x\r\n")
    reception.feed(b"\r\n--x--")

    assert reception.end() == [STORED]
    assert fake.written == b"--x\r\n\r\n--x--"


WARNED = Stored(STORED.ref, "1.5", Outcome.NEW, ("PatientID differs",))
KEPT = Stored(STORED.ref, "1.5", Outcome.KEPT_FIRST)
REPLACED = Stored(STORED.ref, "1.5", Outcome.REPLACED)
REFUSED = Failed(Refused("odd"))
FULL = Failed(errors.Full("no room"))


@pytest.mark.parametrize(
    ("outcomes", "broken", "status"),
    [
        ([STORED, STORED], None, 200),
        ([STORED, REPLACED], None, 200),
        ([STORED, WARNED], None, 202),
        ([KEPT], None, 202),
        ([STORED, REFUSED], None, 202),
        ([STORED], errors.Malformed("cut"), 202),
        ([REFUSED], None, 409),
        ([REFUSED, FULL], None, 409),
        ([FULL, FULL], None, 507),
        ([Failed(errors.Busy("later"))], None, 503),
        ([Failed(errors.TooLarge("limit"))], None, 413),
        ([Failed(errors.Broken("EIO"))], None, 500),
        ([Failed(errors.Unsupported("json"))], None, 409),
        ([REFUSED], errors.Malformed("cut"), 400),
        ([], errors.TooLarge("limit"), 413),
    ],
)
def test_the_status_says_what_became_of_all(outcomes, broken, status: int) -> None:
    assert store_status(outcomes, broken) == status


def test_the_response_names_reasons_and_comments() -> None:
    unnamed = Refused("not DICOM: \\x00\n" + "long " * 30)
    named = Refused("other", FailureReason.DUPLICATE, sop_class="1.5", instance="1.9")

    module = store_response([WARNED, Failed(unnamed), Failed(named)], "http://a/b")

    (referenced,) = module["00081199"]["Value"]
    assert referenced["00081196"] == {"vr": "US", "Value": [0xB007]}
    assert referenced["00000902"] == {"vr": "LO", "Value": ["PatientID differs"]}
    assert module["00081198"]["Value"] == [
        {
            "00081150": {"vr": "UI", "Value": ["1.5"]},
            "00081155": {"vr": "UI", "Value": ["1.9"]},
            "00081197": {"vr": "US", "Value": [0x0111]},
            "00000902": {"vr": "LO", "Value": ["other"]},
        }
    ]
    (other,) = module["0008119A"]["Value"]
    assert other["00081197"] == {"vr": "US", "Value": [0xC000]}
    (comment,) = other["00000902"]["Value"]
    assert comment.startswith("not DICOM: /x00 long long")
    assert len(comment) == 64
