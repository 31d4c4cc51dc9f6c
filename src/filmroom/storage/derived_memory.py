"""What was made from blobs, in memory: for tests, and for an archive that forgets."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO

from filmroom.dicom.frames import Span
from filmroom.storage.flight import Flights
from filmroom.storage.keys import checked

CHUNK = 1 << 20  # bytes


class MemoryDerived:
    """At most `size` bytes, the oldest going first, besides those that are kept."""

    def __init__(self, size: int = 64 << 20) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._kept: dict[tuple[str, str], bytes] = {}
        self._forgotten = 0
        self._flights: Flights[bytes] = Flights()

    def get_or_make(
        self, key: str, name: str, make: Callable[[], bytes], *, kept: bool = False
    ) -> bytes:
        found = self._find(key, name, (self._kept,) if kept else (self._frames,))
        if found is not None:
            return found
        return self._flights.once((key, name, kept), lambda: self._make(key, name, make, kept=kept))

    def find(self, key: str, name: str) -> bytes | None:
        return self._find(key, name, (self._frames, self._kept))

    def file_or_make(self, key: str, name: str, make: Callable[[BinaryIO], object]) -> MemoryFile:
        def made() -> bytes:
            with BytesIO() as file:
                make(file)
                return file.getvalue()

        return MemoryFile(self.get_or_make(key, f"{name} as a file", made))

    def forget(self, key: str) -> None:
        with self._lock:
            self._forgotten += 1
            for place in (self._frames, self._kept):
                for each in [each for each in place if each[0] == key]:
                    del place[each]

    def keys(self) -> Iterator[str]:
        with self._lock:
            return iter({key for key, _ in (*self._frames, *self._kept)})

    def trim(self) -> None:
        """Nobody else takes this room."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _find(
        self, key: str, name: str, places: tuple[dict[tuple[str, str], bytes], ...]
    ) -> bytes | None:
        checked(key)
        with self._lock:
            if (key, name) in self._frames:
                self._frames.move_to_end((key, name))
            return next((place[key, name] for place in places if (key, name) in place), None)

    def _make(self, key: str, name: str, make: Callable[[], bytes], *, kept: bool) -> bytes:
        before = self._forgotten
        data = make()
        with self._lock:
            if self._forgotten == before:
                (self._kept if kept else self._frames)[key, name] = data
            while sum(map(len, self._frames.values())) > self._size:
                self._frames.popitem(last=False)
        return data


class MemoryFile:
    """Bytes that were made as a file."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self._data)

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        """The bytes in pieces, or a run of them."""
        start, end = (within.start, within.start + within.length) if within else (0, self.size)
        for at in range(start, end, CHUNK):
            yield self._data[at : min(at + CHUNK, end)]
