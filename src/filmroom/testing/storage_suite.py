"""What a `Storage` promises, as tests: subclass StorageSuite to prove one of your own."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from random import Random

import pytest

from filmroom.dicom.frames import Span
from filmroom.errors import Broken, Malformed, NotFound
from filmroom.model.ports import Storage

ABC_KEY = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of `abc` (FIPS 180-4, appendix)."""
LARGE = 2 << 20
"""Bytes that no storage stages in memory."""
EMPTY_KEY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def put(storage: Storage, data: bytes) -> str:
    """Store some bytes; their key."""
    staged = storage.stage()
    staged.write(data)
    return staged.commit()


class StorageSuite(ABC):
    """Tests that every storage passes; `storage` is an empty one."""

    @abstractmethod
    def storage(self) -> Storage:
        """A fixture: an empty storage."""

    def test_a_blob_is_kept_under_the_digest_of_its_bytes(self, storage: Storage) -> None:
        staged = storage.stage()
        staged.write(b"a")
        staged.write(bytearray(b"b"))
        staged.write(memoryview(b"c"))

        assert (staged.size, staged.digest) == (3, ABC_KEY)
        assert staged.commit() == ABC_KEY
        assert storage.read(ABC_KEY) == b"abc"
        assert storage.size(ABC_KEY) == 3
        assert storage.exists(ABC_KEY)

    def test_a_blob_without_bytes_is_one_too(self, storage: Storage) -> None:
        staged = storage.stage()
        with staged.view() as view:
            assert bytes(view) == b""

        assert staged.commit() == EMPTY_KEY
        assert storage.read(EMPTY_KEY) == b""
        assert list(storage.chunks(EMPTY_KEY)) == []
        with storage.view(EMPTY_KEY) as view:
            assert bytes(view) == b""

    def test_many_bytes_are_a_blob_as_few_are(self, storage: Storage) -> None:
        staged = storage.stage()
        staged.write(b"few")
        assert staged.digest == sha256(b"few").hexdigest()
        staged.write(bytes(LARGE))
        staged.write(b"more")
        data = b"few" + bytes(LARGE) + b"more"
        with staged.view() as view:
            assert view == data

        assert (staged.size, staged.digest) == (len(data), sha256(data).hexdigest())
        assert storage.read(staged.commit()) == data

    def test_several_are_committed_together(self, storage: Storage) -> None:
        several = [storage.stage() for _ in range(4)]
        contents = [b"abc", b"", bytes(LARGE), b"abc"]
        for staged, data in zip(several, contents, strict=True):
            staged.write(data)

        keys = storage.commit_all(several)

        assert keys == [sha256(data).hexdigest() for data in contents]
        assert {blob.key for blob in storage.blobs()} == set(keys)
        assert storage.commit_all([]) == []

    def test_what_is_staged_is_no_blob_yet(self, storage: Storage) -> None:
        staged = storage.stage()
        staged.write(b"abc")

        assert not storage.exists(ABC_KEY)
        assert list(storage.blobs()) == []
        staged.discard()

    def test_what_is_staged_can_be_looked_at(self, storage: Storage) -> None:
        staged = storage.stage()
        staged.write(b"ab")
        staged.write(b"c")
        with staged.view() as view:
            assert bytes(view[1:]) == b"bc"
            assert view.readonly

        assert staged.commit() == ABC_KEY

    def test_a_slice_may_outlive_its_view(self, storage: Storage) -> None:
        staged = storage.stage()
        staged.write(b"abc")
        with staged.view() as view:
            rest = view[1:]

        assert bytes(rest) == b"bc"
        assert staged.commit() == ABC_KEY

    def test_what_is_discarded_is_gone_however_often_one_says_so(self, storage: Storage) -> None:
        staged = storage.stage()
        staged.write(b"abc")
        staged.discard()
        staged.discard()

        assert not storage.exists(ABC_KEY)
        assert storage.recover() == 0

    def test_discarding_what_was_committed_harms_nothing(self, storage: Storage) -> None:
        staged = storage.stage()
        staged.write(b"abc")
        staged.commit()
        staged.discard()

        assert storage.read(ABC_KEY) == b"abc"

    def test_the_same_bytes_twice_are_one_blob(self, storage: Storage) -> None:
        assert put(storage, b"abc") == put(storage, b"abc") == ABC_KEY
        assert [blob.key for blob in storage.blobs()] == [ABC_KEY]
        assert storage.recover() == 0

    @pytest.mark.parametrize(
        ("span", "expected"),
        [
            (Span(0, 10), b"0123456789"),
            (Span(3, 4), b"3456"),
            (Span(9, 1), b"9"),
            (Span(4, 0), b""),
        ],
    )
    def test_a_part_of_a_blob_can_be_read(
        self, storage: Storage, span: Span, expected: bytes
    ) -> None:
        key = put(storage, b"0123456789")

        assert storage.read(key, span) == expected
        assert b"".join(storage.chunks(key, span, size=3)) == expected
        assert storage.at_hand(key, span) in (expected, None)

    def test_reading_past_the_end_is_the_archives_own_fault(self, storage: Storage) -> None:
        put(storage, b"abc")

        with pytest.raises(Broken):
            storage.read(ABC_KEY, Span(2, 2))
        with suppress(Broken):
            assert storage.at_hand(ABC_KEY, Span(2, 2)) is None
        with pytest.raises(Broken):
            list(storage.chunks(ABC_KEY, Span(0, 4)))

    def test_a_blob_comes_in_pieces_of_the_size_that_was_asked(self, storage: Storage) -> None:
        key = put(storage, b"0123456789")

        assert list(storage.chunks(key, size=4)) == [b"0123", b"4567", b"89"]

    def test_a_blob_can_be_viewed_without_a_copy(self, storage: Storage) -> None:
        put(storage, b"abc")

        with storage.view(ABC_KEY) as view:
            assert bytes(view) == b"abc"

    @pytest.mark.parametrize("key", [ABC_KEY, "../../etc/passwd", "", "ab", ABC_KEY.upper()])
    def test_a_blob_that_is_not_there_is_not_found(self, storage: Storage, key: str) -> None:
        with pytest.raises(NotFound):
            storage.read(key)
        with pytest.raises(NotFound):
            storage.at_hand(key, Span(0, 1))
        with pytest.raises(NotFound):
            storage.chunks(key)
        with pytest.raises(NotFound):
            storage.size(key)
        with pytest.raises(NotFound), storage.view(key):
            pass
        assert not storage.exists(key)

    def test_a_deleted_blob_is_gone_however_often_it_is_deleted(self, storage: Storage) -> None:
        put(storage, b"abc")
        storage.delete(ABC_KEY)
        storage.delete(ABC_KEY)

        assert not storage.exists(ABC_KEY)
        assert list(storage.blobs()) == []

    def test_who_reads_a_blob_that_is_deleted_reads_on(self, storage: Storage) -> None:
        key = put(storage, b"0123456789")
        pieces = storage.chunks(key, size=5)
        first = next(pieces)
        with storage.view(key) as view:
            storage.delete(key)

            assert [first, *pieces] == [b"01234", b"56789"]
            assert bytes(view) == b"0123456789"

    def test_all_blobs_can_be_gone_through(self, storage: Storage) -> None:
        before = time.time() - 1
        keys = {put(storage, bytes([n]) * n) for n in range(1, 40)}
        blobs = list(storage.blobs())

        assert {blob.key for blob in blobs} == keys
        assert sorted(blob.size for blob in blobs) == list(range(1, 40))
        assert all(before <= blob.modified <= time.time() + 1 for blob in blobs)

    def test_a_staged_file_knows_what_its_blob_will_say_of_its_time(self, storage: Storage) -> None:
        staged = storage.stage()
        staged.write(b"abc")
        before = staged.modified
        staged.commit()

        assert [blob.modified for blob in storage.blobs()] == [before]

    def test_a_blob_that_comes_again_has_the_time_of_the_last(self, storage: Storage) -> None:
        put(storage, b"abc")
        again = storage.stage()
        again.write(b"abc")
        last = again.modified
        again.commit()

        assert [blob.modified for blob in storage.blobs()] == [last]

    def test_the_ledger_keeps_lines_in_order(self, storage: Storage) -> None:
        assert list(storage.records()) == []
        storage.record(b'{"first":1}')
        storage.record(b'{"second":2}')

        assert list(storage.records()) == [b'{"first":1}', b'{"second":2}']

    def test_a_line_of_the_ledger_is_one_line(self, storage: Storage) -> None:
        with pytest.raises(Malformed):
            storage.record(b"one\ntwo")

        assert list(storage.records()) == []

    def test_many_write_at_once(self, storage: Storage) -> None:
        random = Random(7)  # noqa: S311 - for tests
        contents = [random.randbytes(random.randrange(1, 5000)) for _ in range(40)] * 2
        with ThreadPoolExecutor(8) as pool:
            keys = list(pool.map(lambda data: put(storage, data), contents))

        assert keys == [sha256(data).hexdigest() for data in contents]
        assert all(storage.read(key) == data for key, data in zip(keys, contents, strict=True))
        assert len(list(storage.blobs())) == 40

    def test_what_a_crash_left_staged_is_discarded(self, storage: Storage) -> None:
        kept = put(storage, b"kept")
        left = [storage.stage() for _ in range(3)]
        for staged in left:
            staged.write(bytes(LARGE))

        assert storage.recover() == 3
        assert storage.recover() == 0
        assert [blob.key for blob in storage.blobs()] == [kept]
        for staged in left:
            staged.discard()

    def test_stores_of_the_same_bytes_guard_them_together(self, storage: Storage) -> None:
        both = threading.Barrier(2, timeout=5)

        def hold() -> None:
            with storage.guard(ABC_KEY):
                both.wait()

        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(hold), pool.submit(hold)]:
                future.result(timeout=10)

        assert not both.broken

    @pytest.mark.parametrize("second_alone", [True, False])
    def test_who_removes_a_blob_guards_it_alone(self, storage: Storage, second_alone: bool) -> None:
        order: list[str] = []
        holding = threading.Event()

        def first() -> None:
            with storage.guard(ABC_KEY, alone=not second_alone):
                holding.set()
                time.sleep(0.05)
                order.append("first")

        def second() -> None:
            assert holding.wait(5)
            with storage.guard(ABC_KEY, alone=second_alone):
                order.append("second")

        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(first), pool.submit(second)]:
                future.result(timeout=10)

        assert order == ["first", "second"]

    def test_free_room_is_told_in_bytes_where_there_is_a_bound(self, storage: Storage) -> None:
        free = storage.free()

        assert free is None or free > 0
