"""One store request on its way in: its bytes become parts, each with an outcome of its own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from filmroom.core.archive import Archive
from filmroom.core.store import Incoming, finish_all, receive
from filmroom.errors import (
    ArchiveError,
    Broken,
    Busy,
    Conflict,
    FailureReason,
    Full,
    Refused,
    TooLarge,
    Unsupported,
)
from filmroom.model.stored import Stored
from filmroom.web.direct import DirectBody
from filmroom.web.errors import OURS, log_failure
from filmroom.web.multipart import Buffer, Event, PartBegins, PartEnds, read_content_type

DICOM = "application/dicom"
PLAIN_ENCODINGS = ("", "binary", "8bit", "7bit", "identity")
PATIENCE = 10.0  # seconds that an instance waits for a place among the writers
READERS = 4  # threads that read for each that finishes: one may wait long for its turn to write
TOGETHER = 8  # instances of a request whose rows share a transaction
REASONS: dict[type[ArchiveError], FailureReason] = {
    ArchiveError: FailureReason.PROCESSING_FAILURE,
    Busy: FailureReason.OUT_OF_RESOURCES,
    Conflict: FailureReason.DUPLICATE,
    Full: FailureReason.OUT_OF_RESOURCES,
    TooLarge: FailureReason.OUT_OF_RESOURCES,
    Unsupported: FailureReason.CANNOT_UNDERSTAND,
}


@dataclass(frozen=True, slots=True)
class Failed:
    """A part that was not stored."""

    error: ArchiveError

    @property
    def reason(self) -> FailureReason:
        """Why, in the standard's words (PS3.18 Table I.2-2)."""
        if isinstance(self.error, Refused):
            return self.error.reason
        return next(REASONS[kind] for kind in type(self.error).__mro__ if kind in REASONS)

    @property
    def uids(self) -> tuple[str, str]:
        """SOP class and instance UID, as far as they could be read, else ""."""
        if isinstance(self.error, Refused):
            return self.error.sop_class, self.error.instance
        return "", ""


class PartReader(Protocol):
    """Bytes to parts: `MultipartReader`, or one part that is the whole body."""

    @property
    def space(self) -> memoryview:
        """Where the next bytes can be put, instead of feeding them."""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events of the next bytes."""

    def take(self, count: int) -> Iterator[Event]:
        """The events of the first bytes of `space`."""

    def close(self) -> None:
        """The body has ended; Malformed if it should not have."""


class Writers:
    """The threads of all store requests: some that read bodies, some that finish instances.

    Two pools, since a thread that reads waits for those that finish.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.readers = ThreadPoolExecutor(READERS * count, "stow-read")
        self.finishers = ThreadPoolExecutor(count, "stow-finish")
        # Some readers must stay free for those that hold a place, or all would wait for all.
        self._waiting = threading.BoundedSemaphore(READERS * count // 2)

    def receive(
        self, archive: Archive, source: str, study: str | None, patience: float
    ) -> Incoming:
        """Begin an instance; Busy if all places are taken, or too many wait for one."""
        if not self._waiting.acquire(blocking=False):
            raise Busy("too many instances wait to be stored already")
        try:
            return receive(archive, source, study, patience=patience)
        finally:
            self._waiting.release()

    def close(self) -> None:
        """Let what is under way end, and the threads with it."""
        self.readers.shutdown()
        self.finishers.shutdown()


class Reception:
    """The parts of one request; `feed` and `end` are called one after another.

    Parts are finished, a few together, in another thread while the next ones are read. As many
    are under way as find a place among the writers: a sender is read no faster than it is stored.
    """

    def __init__(
        self,
        archive: Archive,
        writers: Writers,
        reader: PartReader,
        source: str,
        study: str | None = None,
    ) -> None:
        self._archive = archive
        self._writers = writers
        self._reader = reader
        self._source = source
        self._study = study
        self._incoming: Incoming | None = None
        self._complete: list[Incoming] = []
        """The last parts that are all there; finished together, by another thread if more come."""
        self._outcomes: list[Sequence[Stored | Failed] | Future[list[Stored | Failed]]] = []
        self._lock = threading.Lock()
        self._aborted = False
        self.broken: ArchiveError | None = None
        """Why the rest of the body could not be read; None if all was."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; nothing more is taken once the body proved `broken`."""
        with self._lock:
            self._follow(self._reader.feed(chunk))
            self._hand_over()

    def feed_from(self, body: DirectBody) -> bool:
        """Take a body's bytes until its end, or until nothing comes; whether nothing more will."""
        space = self._reader.space
        while count := body.read_into(space):
            with self._lock:
                self._follow(self._reader.take(count))
                if self._aborted or self.broken:
                    return True
        if body.left:
            with self._lock:
                self._hand_over()  # what waits for a slow sender holds no place
        return not body.left

    def _follow(self, events: Iterator[Event]) -> None:
        if self._aborted or self.broken:
            return
        try:
            for event in events:
                self._take(event)
        except ArchiveError as error:
            self._break(error)

    def end(self, chunk: bytes = b"") -> list[Stored | Failed]:
        """Take the last bytes, wait for what is under way; every part's outcome, in order."""
        with self._lock:
            if chunk:
                self._follow(self._reader.feed(chunk))
            self._follow(self._closing_events())
            self._finish_last()
            return [
                outcome
                for group in self._outcomes
                for outcome in (group.result() if isinstance(group, Future) else group)
            ]

    def abort(self) -> None:
        """The sender is gone: forget the part that was coming; complete ones are kept."""
        self._aborted = True
        with self._lock:
            self._drop()
            self._finish_last()

    def _closing_events(self) -> Iterator[Event]:
        self._reader.close()
        if isinstance(self._reader, WholeBody):
            yield PartEnds()

    def _break(self, error: ArchiveError) -> None:
        self._drop()
        self.broken = error

    def _drop(self) -> None:
        if self._incoming is not None:
            self._incoming.discard()
            self._incoming = None

    def _take(self, event: Event) -> None:
        match event:
            case PartBegins():
                self._begin(event)
            case PartEnds():
                self._finish()
            case run if self._incoming is not None:
                try:
                    self._incoming.write(run)
                except ArchiveError as error:
                    self._fail(error)

    def _begin(self, part: PartBegins) -> None:
        if len(self._complete) == TOGETHER:
            self._hand_over()
        try:
            check_part(part.headers)
            self._incoming = self._place()
        except ArchiveError as error:
            self._fail(error)

    def _place(self) -> Incoming:
        """A place among the writers; whoever waits for one holds none."""
        if self._complete:
            with contextlib.suppress(Busy):
                return self._writers.receive(self._archive, self._source, self._study, 0.0)
            self._hand_over()
        return self._writers.receive(self._archive, self._source, self._study, PATIENCE)

    def _fail(self, error: ArchiveError) -> None:
        self._drop()
        self._hand_over()  # outcomes are in the order of the parts
        self._outcomes.append([_failed(error)])

    def _finish(self) -> None:
        if self._incoming is not None:  # else it failed before its end
            self._complete.append(self._incoming)
            self._incoming = None

    def _hand_over(self) -> None:
        """Have the parts that are all there finished by another thread: more are to come."""
        complete, self._complete = self._complete, []
        if complete:
            self._outcomes.append(self._writers.finishers.submit(_finished, complete))

    def _finish_last(self) -> None:
        """Finish the last parts here: most requests have one, and it need not change threads."""
        complete, self._complete = self._complete, []
        if complete:
            self._outcomes.append(_finished(complete))


def _finished(complete: list[Incoming]) -> list[Stored | Failed]:
    return [told if isinstance(told, Stored) else _failed(told) for told in finish_all(complete)]


class WholeBody:
    """A body that is one instance, without multipart around it (PS3.18 §8.6.1.1)."""

    def __init__(self) -> None:
        self._begun = False
        self._buffer = Buffer()

    @property
    def space(self) -> memoryview:
        """Where the next bytes can be put, instead of feeding them."""
        return self._buffer.space

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """All of it is the one part's data."""
        return self._data(memoryview(chunk))

    def take(self, count: int) -> Iterator[Event]:
        """The same of the first bytes of `space`."""
        return self._data(self._buffer.filled(count))

    def _data(self, run: memoryview) -> Iterator[Event]:
        if not self._begun:
            self._begun = True
            yield PartBegins({})
        yield run

    def close(self) -> None:
        """A body may end anywhere."""


def _failed(error: Exception) -> Failed:
    if isinstance(error, ArchiveError) and not isinstance(error, Broken):
        return Failed(error)
    log_failure(error)
    return Failed(Broken(OURS))


def check_part(headers: dict[str, str]) -> None:
    """Unsupported unless a part is a plain DICOM instance, or does not say what it is."""
    media_type, _ = read_content_type(headers.get("content-type", DICOM))
    if media_type not in (DICOM, "application/octet-stream"):
        raise Unsupported(f"a part is no {DICOM}")
    for name in ("content-transfer-encoding", "content-encoding"):
        if headers.get(name, "").strip().lower() not in PLAIN_ENCODINGS:
            raise Unsupported(f"a part has a {name}; instances are taken as they are")
