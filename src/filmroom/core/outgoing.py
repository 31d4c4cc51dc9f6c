"""What an instance is sent to another node as: as stored where it is taken so, else coded.

Nothing is decoded to be sent as stored, and of what is large only a piece is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

from filmroom.core.archive import Archive
from filmroom.core.content import StoredContent
from filmroom.core.retrieve import RewrittenContent, part
from filmroom.core.rewrite import target_for
from filmroom.dicom.frames import Span
from filmroom.dicom.part10 import MAX_META, PREAMBLE, read_file_meta
from filmroom.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    TRANSFER_SYNTAXES,
)
from filmroom.model.answer import Content
from filmroom.model.instance import Located
from filmroom.model.pixels import DerivedFile
from filmroom.model.remote import Outgoing, Proposal

MOST = 128
"""Presentation contexts of an association (PS3.8 §9.3.2.2: the odd numbers of a byte)."""
AT_ONCE = 1 << 20
"""Bytes of a blob up to which it is read whole, which costs no more than to map it."""
FALLBACK = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
"""What is offered besides what is stored: all nodes take one of them (PS3.5 §10.1)."""

Takes = Callable[[str, str], bool]
"""Whether the other side takes a SOP class in a transfer syntax."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Instances that go over one association, and what is proposed for them."""

    instances: tuple[Located, ...]
    proposals: tuple[Proposal, ...]


def batches(
    instances: Iterable[Located], syntaxes: Sequence[str] = (), most: int = MOST
) -> Iterator[Batch]:
    """The instances in as few associations as hold what they need, in their order within each.

    `syntaxes` are those that the peer likes best. Each transfer syntax that is stored has a
    presentation context of its own, so that the peer cannot choose another in its place.
    """
    stored: dict[str, dict[str, None]] = {}
    of_class: dict[str, list[tuple[int, Located]]] = {}
    for place, located in enumerate(instances):
        stored.setdefault(located.sop_class, {})[located.transfer_syntax] = None
        of_class.setdefault(located.sop_class, []).append((place, located))
    members: list[tuple[int, Located]] = []
    proposals: list[Proposal] = []
    for sop_class, found in stored.items():
        wanted = _proposals(sop_class, [*syntaxes, *found])[:most]
        if members and len(proposals) + len(wanted) > most:
            yield _batch(members, proposals)
            members, proposals = [], []
        members += of_class[sop_class]
        proposals += wanted
    if members:
        yield _batch(members, proposals)


def _batch(members: list[tuple[int, Located]], proposals: list[Proposal]) -> Batch:
    in_order = sorted(members, key=itemgetter(0))
    return Batch(tuple(located for _, located in in_order), tuple(proposals))


def _proposals(sop_class: str, syntaxes: Iterable[str]) -> list[Proposal]:
    alone = (Proposal(sop_class, (uid,)) for uid in dict.fromkeys(syntaxes))
    return [Proposal(sop_class, FALLBACK), *alone]


def forms(located: Located, syntaxes: Sequence[str], takes: Takes) -> list[str]:
    """The transfer syntaxes that an instance can be sent in, the best first; [] if none.

    The best is as stored, unless `syntaxes` names better ones.
    """
    liked = [target_for(located, uid) for uid in syntaxes]
    found = dict.fromkeys([*liked, located.transfer_syntax])
    if _is_decodable(located):
        found |= dict.fromkeys(target_for(located, uid) for uid in FALLBACK)
    return [uid for uid in found if _is_made(located, uid) and takes(located.sop_class, uid)]


def _is_decodable(located: Located) -> bool:
    return target_for(located, EXPLICIT_LITTLE) == EXPLICIT_LITTLE


def _is_made(located: Located, uid: str) -> bool:
    known = TRANSFER_SYNTAXES.get(uid)
    return uid == located.transfer_syntax or (known is not None and known.encoder is not None)


def outgoing(archive: Archive, located: Located, transfer_syntax: str) -> Outgoing:
    """An instance in a transfer syntax, its data set fit to be read once.

    Raises NotAcceptable if it cannot be made, Broken if its blob is gone.
    """
    data: Iterable[bytes | memoryview]
    if transfer_syntax == located.transfer_syntax:
        stored = StoredContent(archive.storage, located.key, (Span(0, located.size),))
        data = [_behind_meta(stored.read())] if located.size <= AT_ONCE else _data_set(stored)
    else:
        content = part(archive, located, transfer_syntax).content
        file = content.make() if isinstance(content, RewrittenContent) else content
        data = _data_set(file)
    return Outgoing(located.sop_class, located.ref.instance, transfer_syntax, data)


def _behind_meta(file: bytes) -> memoryview:
    view = memoryview(file)
    return view[read_file_meta(view).end :]


def _data_set(file: DerivedFile | Content) -> Iterator[bytes]:
    """A file but for its File Meta Information, in pieces."""
    head = b"".join(file.chunks(Span(0, min(file.size, MAX_META + PREAMBLE))))
    end = read_file_meta(memoryview(head)).end
    return file.chunks(Span(end, file.size - end))
