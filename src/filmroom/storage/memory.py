"""Blobs in a dict: for tests, and for an archive that forgets."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition

from filmroom.dicom.frames import Span
from filmroom.errors import ArchiveError, Broken, Malformed, NotFound
from filmroom.model.ports import Blob, Staged


def open_storage(url: str) -> MemoryStorage:
    """An empty storage; `url` is `memory:`."""
    if not url.startswith("memory:"):
        raise Malformed(f"storage in memory is memory:, not {url}")
    return MemoryStorage()


@dataclass(slots=True)
class _Kept:
    data: bytes
    modified: float


@dataclass(slots=True)
class MemoryStorage:
    """Blobs by key, gone with the process."""

    _kept: dict[str, _Kept] = field(default_factory=dict)
    _lines: list[bytes] = field(default_factory=list)
    _staged: set[MemoryStaged] = field(default_factory=set)
    _holders: Counter[str] = field(default_factory=Counter)
    _alone: set[str] = field(default_factory=set)
    _changed: Condition = field(default_factory=Condition)

    def stage(self) -> Staged:
        staged = MemoryStaged(self._kept, self._staged)
        self._staged.add(staged)
        return staged

    def commit_all(self, staged: Sequence[Staged]) -> list[str | ArchiveError]:
        return [one.commit() for one in staged]

    def read(self, key: str, span: Span | None = None) -> bytes:
        data = self._get(key).data
        if span is None:
            return data
        if span.start + span.length > len(data):
            raise Broken(f"a blob ends {span.start + span.length - len(data)} bytes early")
        return data[span.start : span.start + span.length]

    def at_hand(self, key: str, span: Span) -> bytes | None:
        return self.read(key, span)

    def chunks(self, key: str, span: Span | None = None, size: int = 1 << 20) -> Iterator[bytes]:
        data = self.read(key, span)
        return (data[at : at + size] for at in range(0, len(data), size))

    @contextmanager
    def view(self, key: str) -> Iterator[memoryview]:
        yield memoryview(self._get(key).data)

    def size(self, key: str) -> int:
        return len(self._get(key).data)

    def exists(self, key: str) -> bool:
        return key in self._kept

    def delete(self, key: str) -> None:
        self._kept.pop(key, None)

    def blobs(self) -> Iterator[Blob]:
        for key, kept in list(self._kept.items()):
            yield Blob(key, len(kept.data), kept.modified)

    @contextmanager
    def guard(self, key: str, *, alone: bool = False) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(
                lambda: key not in self._alone and not (alone and self._holders[key])
            )
            if alone:
                self._alone.add(key)
            else:
                self._holders[key] += 1
        try:
            yield
        finally:
            with self._changed:
                if alone:
                    self._alone.discard(key)
                else:
                    self._holders[key] -= 1
                    self._holders += Counter()  # forget keys that nobody holds
                self._changed.notify_all()

    def free(self) -> int | None:
        return None

    def record(self, line: bytes) -> None:
        if b"\n" in line:
            raise Malformed("a line of the ledger holds a line break")
        self._lines.append(bytes(line))

    def records(self) -> Iterator[bytes]:
        return iter(list(self._lines))

    def recover(self) -> int:
        count = len(self._staged)
        self._staged.clear()
        return count

    def close(self) -> None:
        """Nothing to let go of."""

    def _get(self, key: str) -> _Kept:
        try:
            return self._kept[key]
        except KeyError:
            raise NotFound(f"no blob {key}") from None


class MemoryStaged:
    """Bytes on their way in."""

    def __init__(self, kept: dict[str, _Kept], staged: set[MemoryStaged]) -> None:
        self._kept = kept
        self._among = staged
        self._data = bytearray()
        self._hash = hashlib.sha256()
        self._modified: float | None = None

    @property
    def modified(self) -> float:
        if self._modified is None:
            self._modified = time.time()
        return self._modified

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self._data += chunk
        self._hash.update(chunk)

    @contextmanager
    def view(self) -> Iterator[memoryview]:
        yield memoryview(bytes(self._data))

    def commit(self) -> str:
        self._kept[self.digest] = _Kept(bytes(self._data), self.modified)
        self._among.discard(self)
        return self.digest

    def discard(self) -> None:
        self._data.clear()
        self._among.discard(self)
