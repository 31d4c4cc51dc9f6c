"""Fuzz the upper layer: `python tests/fuzz/fuzz_association.py --seconds 300 [--seed N]`.

Bytes that a peer may send are made of good PDUs, changed and cut at random, and given to an
association in any of its states, whose user answers as a server does. Whatever raises, keeps
more than it may, answers too much or depends on how the bytes were cut is written to `--out`
and ends the run. With `--atheris`, and atheris installed, it is coverage that guides.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "unit" / "association"))
from conversations import ACCEPT, IMPLICIT, REQUEST, VERIFICATION, in_every_state

from filmroom.association.items import (
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from filmroom.association.messages import (
    MAX_COMMAND,
    Command,
    CommandField,
    Message,
    MessageReader,
    cancel_of,
    response_to,
    write_command,
)
from filmroom.association.negotiation import Offer, acceptance, propose, refusal
from filmroom.association.pdus import (
    Abort,
    AssociateRequest,
    ReleaseRequest,
    ReleaseResponse,
    data_header,
    encode,
)
from filmroom.association.protocol import Association, OutOfTurn, ProviderAbort
from filmroom.association.reading import MAX_PDU, Fragment
from filmroom.association.states import State
from filmroom.errors import Malformed, TooLarge

SLOW = 2.0  # seconds: for streams of a few kilobytes
LEAST_PDU = 6  # bytes: no indication is made of fewer
STATES = in_every_state()
NAMES = sorted(STATES)
TALKATIVE = AssociateRequest(
    "CALLED",
    "CALLING",
    propose([(VERIFICATION, [IMPLICIT, "1.2.840.10008.1.2.1"]), ("1.2.3", [IMPLICIT])]),
    UserInformation(
        max_length=0,
        window=AsynchronousWindow(0, 3),
        roles=(RoleSelection("1.2.3", scu=True, scp=True),),
        extended=(ExtendedNegotiation("1.2.3", b"\1\0\1"),),
        common_extended=(CommonExtendedNegotiation("1.2.3", "1.2.4", ("1.2.5",)),),
        identity=UserIdentity(2, b"user", b"secret", wants_response=True),
    ),
)
ECHO = Command(field=CommandField.C_ECHO_RQ, message_id=1, sop_class=VERIFICATION)
STORE = Command(
    field=CommandField.C_STORE_RQ, has_data=True, message_id=2, sop_class="1.2.3", instance="1.2"
)
ANSWERED = {each for each in CommandField if not each.is_response} - {CommandField.C_CANCEL_RQ}


def pdv(run: bytes, *, is_command: bool, is_last: bool = True, context_id: int = 1) -> bytes:
    """A P-DATA-TF of one PDV."""
    return data_header(context_id, len(run), is_command=is_command, is_last=is_last) + run


PIECES = [
    *map(encode, (REQUEST, TALKATIVE, ACCEPT, ReleaseRequest(), ReleaseResponse(), Abort())),
    *(pdv(write_command(each), is_command=True) for each in (ECHO, STORE, cancel_of(2))),
    pdv(b"data", is_command=False, is_last=False),
    pdv(b"data", is_command=False),
    pdv(b"", is_command=False, is_last=False),
    pdv(b"", is_command=True),
    pdv(b"data", is_command=False, context_id=5),
    pdv(b"ab", is_command=False)[:2] + b"\0\0\0\x10" + pdv(b"ab", is_command=False)[6:] * 2,
    bytes((4, 0)) + b"\xff\xff\xff\xff" + b"\0\0\0\2\1\0" * 40,
]
TOKENS = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff", b"\0\0", b"\0\0\0\2", b"\0\1\0\0", b"\x7f"]


def check(data: bytes) -> str:
    """Give bytes to an association and judge; how it ended, AssertionError if it is wrong.

    The first byte says in which state it is, the second how many bytes it is given at once.
    """
    name, step, stream = NAMES[data[0] % len(NAMES)], data[1], data[2:]
    begun = time.perf_counter()
    whole, found = listen(name, [stream])
    if step:
        runs = [stream[i : i + step] for i in range(0, len(stream), step)]
        split, others = listen(name, runs)
        assert others == found
        assert split.state is whole.state
    assert time.perf_counter() - begun < SLOW, "slow"
    return f"{whole.state.name}, {type(found[-1]).__name__ if found else 'nothing'} last"


def listen(name: str, runs: list[bytes]) -> tuple[Association, list[object]]:
    """An association that was given bytes, and what it told."""
    side, messages = copy.deepcopy(STATES[name]), MessageReader()
    told: list[object] = []
    length = sum(map(len, runs))
    for run in filter(None, runs):
        for one in side.receive(run):
            note(told, one)
            try:
                heard = messages.take(one) if isinstance(one, Fragment) else one
            except (Malformed, TooLarge) as error:
                told[-1] = type(error)  # how much of the fragment has come is chance
                heard = error
            with contextlib.suppress(OutOfTurn):
                answer(side, heard)
            assert len(side.outgoing()) in (0, 10)  # an A-ABORT, or a rejection
        assert len(side._reader._held) <= MAX_PDU
        assert len(messages._command) <= MAX_COMMAND
        if side.must_close:
            break
    assert len(told) <= length // LEAST_PDU + 1
    return side, told


def note(told: list[object], one: object) -> None:
    """Keep what was told; runs of one fragment are one, however they came."""
    if not isinstance(one, Fragment):
        told.append(one)
        return
    last = told[-1] if told else None
    open_run = isinstance(last, tuple) and last[:2] == one[:2] and not last[2]
    before = told.pop()[3] if open_run else b""  # type: ignore[index]
    told.append((one.context_id, one.is_command, one.is_last, before + bytes(one.data)))


def answer(side: Association, heard: object) -> None:
    """Do what a server does; OutOfTurn where it may not."""
    match heard:
        case AssociateRequest():
            yes = acceptance(heard, lambda _: Offer(scp=True), max_length=MAX_PDU)
            side.send(refusal(heard) or yes)
        case ReleaseRequest():
            side.send(ReleaseResponse())
        case Malformed() | TooLarge():
            side.send(Abort())
        case ProviderAbort():
            assert side.state in (State.STA1, State.STA13)
        case Message(context_id, command) if command.field in ANSWERED:
            response = write_command(response_to(command, 0))
            sent = list(side.send_data(context_id, response, is_command=True))
            assert b"".join(run for _, run in sent) == response


def spoiled(data: bytes, chance: random.Random) -> bytes:
    """A piece with a random change."""
    bad, at = bytearray(data), chance.randrange(len(data))
    match chance.randrange(6):
        case 0:
            bad[at] = chance.randrange(256)
        case 1:
            token = chance.choice(TOKENS)
            bad[at : at + len(token)] = token
        case 2:
            bad[at:at] = chance.choice(TOKENS)
        case 3:
            del bad[at : at + chance.randrange(1, 9)]
        case 4:
            bad[2:6] = chance.choice((0, 4, 6, 68, len(data), MAX_PDU + 1, 1 << 31)).to_bytes(4)
        case _:
            bad[at:at] = bad[chance.randrange(len(bad)) :][:100]
    return bytes(bad)


def cases(seed: int) -> Iterator[bytes]:
    """Cases without end, always the same for a seed."""
    chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
    while True:
        pieces = [chance.choice(PIECES) for _ in range(chance.choice((1, 2, 3, 5, 8)))]
        for i, piece in enumerate(pieces):
            while chance.random() < 0.4 and pieces[i]:
                pieces[i] = spoiled(pieces[i], chance)
            if chance.random() < 0.1:
                pieces[i] = piece[: chance.randrange(len(piece))]
        yield chance.randbytes(2) + b"".join(pieces)


def by_coverage(seconds: float) -> None:
    """Hand over to atheris, with the upper layer loaded anew so that it sees into it."""
    atheris = importlib.import_module("atheris")
    for name in [name for name in sys.modules if name.startswith("filmroom.association")]:
        del sys.modules[name]
    del sys.modules["conversations"]
    with atheris.instrument_imports(include=["filmroom.association"]):
        judge = importlib.import_module("fuzz_association").check
    with tempfile.TemporaryDirectory() as folder:
        for number, case in zip(range(500), cases(0), strict=False):
            (Path(folder) / str(number)).write_bytes(case)
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={seconds:.0f}", "-timeout=10", folder],
            lambda data: judge(data) if len(data) > 2 else None,
        )
        atheris.Fuzz()


def main() -> int:
    """Run until the time is up; an error if something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz-found.pdus"))
    parser.add_argument("--atheris", action="store_true")
    asked = parser.parse_args()
    if asked.atheris:
        by_coverage(asked.seconds)
        return 0
    until = time.monotonic() + asked.seconds
    outcomes: Counter[str] = Counter()
    for data in cases(asked.seed):
        if time.monotonic() > until:
            break
        try:
            outcomes[check(data)] += 1
        except BaseException:
            asked.out.write_bytes(data)
            print(f"found after {outcomes.total()} cases, kept in {asked.out}", file=sys.stderr)
            raise
    for outcome, count in outcomes.most_common():
        print(f"{count:8d}  {outcome}")
    print(f"{outcomes.total():8d}  cases in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
