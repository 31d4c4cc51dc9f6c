"""The one writer of a process: changes queue up and share transactions (group commit)."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from filmroom.errors import ArchiveError, Broken
from filmroom.index.opening import translated

log = logging.getLogger(__name__)
R = TypeVar("R")
T = TypeVar("T", bound="Scope")
MOST = 512  # changes that share a transaction


class Scope(Protocol):
    """What changes are made through during one transaction."""

    def begin(self) -> None:
        """A transaction has begun: what is remembered of the file may be stale."""

    def flush(self) -> None:
        """Write what was put off until the end of the transaction."""

    def forget(self) -> None:
        """Nothing that is remembered can be trusted: a change was rolled back."""


@dataclass(slots=True)
class Change(Generic[T]):
    """A change that waits for its turn, and who waits for it."""

    make: Callable[[T], Any]
    future: Future[Any]


class Writer(Generic[T]):
    """A thread that makes changes in the order in which they were handed in.

    Those that queue up meanwhile share a transaction; `submit` returns when it is on
    stable storage. A change may refuse (ArchiveError) before it has changed anything; if
    it fails in any other way the transaction is undone and each change made anew
    in one of its own, so that a bad one does not fail the others.
    """

    def __init__(self, connection: sqlite3.Connection, scope: T) -> None:
        self._connection = connection
        self._scope = scope
        self._queue: queue.SimpleQueue[Change[T] | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="index-writer", daemon=True)
        self._thread.start()

    def submit(self, make: Callable[[T], R]) -> R:
        """Make a change and wait until it is durable; what it raises is raised here."""
        return self._queued([make])[0].result()

    def submit_all(self, makes: Sequence[Callable[[T], R]]) -> list[R | ArchiveError]:
        """Make several changes in their order, then wait; a refusal takes its answer's place."""
        answers: list[R | ArchiveError] = []
        for future in self._queued(makes):
            try:
                answers.append(future.result())
            except ArchiveError as refusal:
                answers.append(refusal)
        return answers

    def _queued(self, makes: Sequence[Callable[[T], R]]) -> list[Future[R]]:
        futures: list[Future[R]] = [Future() for _ in makes]
        with self._closing:
            if self._closed:
                raise Broken("the index is closed")
            for make, future in zip(makes, futures, strict=True):
                self._queue.put(Change(make, future))
        return futures

    def close(self) -> None:
        """Finish what is queued, then end the thread and the connection."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            batch, going = self._gather()
            if batch:
                self._commit(batch)
        self._connection.close()

    def _gather(self) -> tuple[list[Change[T]], bool]:
        """What is queued by now, at least one; False with it when it is the last."""
        batch: list[Change[T]] = []
        one = self._queue.get()
        while one is not None:
            batch.append(one)
            if len(batch) == MOST:
                return batch, True
            try:
                one = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: list[Change[T]]) -> None:
        try:
            answers = self._transaction(batch)
        except Exception as error:  # a dead writer would hang every sender
            self._undo()
            if len(batch) > 1:
                # One of them spoils it for all: each on its own.
                for change in batch:
                    self._commit([change])
                return
            answers = [self._told(error)]
        for change, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                change.future.set_exception(answer)
            else:
                change.future.set_result(answer)

    def _transaction(self, batch: list[Change[T]]) -> list[object]:
        self._connection.execute("BEGIN IMMEDIATE")
        self._scope.begin()
        answers = [self._one(change) for change in batch]
        self._scope.flush()
        self._connection.execute("COMMIT")
        return answers

    def _one(self, change: Change[T]) -> object:
        try:
            return change.make(self._scope)
        except ArchiveError as refusal:  # refused before anything was changed
            return refusal

    def _undo(self) -> None:
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._scope.forget()

    def _told(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.Error):
            return translated(error)
        if not isinstance(error, ArchiveError):
            log.error("index writer failed", exc_info=error)
        return error
