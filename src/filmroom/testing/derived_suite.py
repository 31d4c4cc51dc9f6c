"""What a keeper of derived things promises, as tests: subclass it with a fixture `derived`."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import BinaryIO, NoReturn

import pytest

from filmroom.dicom.frames import Span
from filmroom.errors import NotFound, Undecodable
from filmroom.model.pixels import Derived

SIZE = 1 << 20
"""Bytes that the fixture's keeper may keep."""
KEY, OTHER = sha256(b"one").hexdigest(), sha256(b"other").hexdigest()


def never() -> NoReturn:
    """Fail: it was made already."""
    raise AssertionError("made again")


class DerivedSuite(ABC):
    """The promises of `Derived`."""

    @abstractmethod
    def derived(self) -> Derived:
        """A fixture: an empty keeper of at most `SIZE` bytes."""

    @pytest.mark.parametrize("kept", [True, False])
    @pytest.mark.parametrize("data", [b"", b"made", bytes(range(256)) * 400])
    def test_what_was_made_is_found_again(self, derived: Derived, data: bytes, kept: bool) -> None:
        assert derived.find(KEY, "a") is None
        assert derived.get_or_make(KEY, "a", lambda: data, kept=kept) == data
        assert derived.get_or_make(KEY, "a", never, kept=kept) == data
        assert derived.find(KEY, "a") == data

    def test_names_and_blobs_are_told_apart(self, derived: Derived) -> None:
        names = ["a", "b", "../a", "a/b", "", "A", "é" * 300]
        for key in (KEY, OTHER):
            for name in names:
                derived.get_or_make(key, name, lambda said=f"{key}{name}": said.encode())  # type: ignore[misc]

        assert {(key, name): derived.find(key, name) for key in (KEY, OTHER) for name in names} == {
            (key, name): f"{key}{name}".encode() for key in (KEY, OTHER) for name in names
        }

    @pytest.mark.parametrize("key", ["", "../..", "a" * 63, KEY.upper()])
    def test_only_blobs_have_something_made_of_them(self, derived: Derived, key: str) -> None:
        with pytest.raises(NotFound):
            derived.get_or_make(key, "a", never)
        with pytest.raises(NotFound):
            derived.find(key, "a")

    def test_many_at_once_make_it_once(self, derived: Derived) -> None:
        made = []

        def make() -> bytes:
            made.append(1)
            time.sleep(0.1)
            return b"made"

        with ThreadPoolExecutor(40) as pool:
            got = list(pool.map(lambda _: derived.get_or_make(KEY, "a", make), range(40)))

        assert got == [b"made"] * 40
        assert made == [1]

    def test_what_cannot_be_made_fails_for_all_who_wait_and_can_be_tried_again(
        self, derived: Derived
    ) -> None:
        begun, tried = threading.Event(), []

        def fail() -> bytes:
            tried.append(1)
            begun.set()
            time.sleep(0.2)
            raise Undecodable("broken")

        with ThreadPoolExecutor(8) as pool:
            first = pool.submit(derived.get_or_make, KEY, "a", fail)
            assert begun.wait(5)
            others = [pool.submit(derived.get_or_make, KEY, "a", fail) for _ in range(7)]
            errors = [each.exception() for each in (first, *others)]

        assert [str(error) for error in errors] == ["broken"] * 8
        assert len(tried) == 1
        assert derived.get_or_make(KEY, "a", lambda: b"now") == b"now"

    def test_one_thing_may_be_made_of_another(self, derived: Derived) -> None:
        def whole() -> bytes:
            return derived.get_or_make(KEY, "part", lambda: b"part") + b"s"

        assert derived.get_or_make(KEY, "whole", whole) == b"parts"

    def test_what_is_forgotten_is_gone(self, derived: Derived) -> None:
        derived.get_or_make(KEY, "a", lambda: b"a")
        derived.get_or_make(KEY, "b", lambda: b"b", kept=True)
        derived.file_or_make(KEY, "c", lambda file: None)
        derived.get_or_make(OTHER, "a", lambda: b"other")
        assert set(derived.keys()) == {KEY, OTHER}

        derived.forget(KEY)
        derived.forget(KEY)

        assert derived.find(KEY, "a") is derived.find(KEY, "b") is None
        assert derived.find(OTHER, "a") == b"other"
        assert set(derived.keys()) == {OTHER}

    @pytest.mark.parametrize("kept", [True, False])
    def test_what_is_being_made_when_it_is_forgotten_is_not_kept(
        self, derived: Derived, kept: bool
    ) -> None:
        def make() -> bytes:
            derived.forget(KEY)
            return b"made"

        assert derived.get_or_make(KEY, "a", make, kept=kept) == b"made"
        assert derived.find(KEY, "a") is None
        assert list(derived.keys()) == []

    def test_no_more_is_kept_than_there_is_room_for(self, derived: Derived) -> None:
        data = bytes(SIZE // 16)
        derived.get_or_make(OTHER, "thumbnail", lambda: data, kept=True)
        names = [str(number) for number in range(64)]
        for name in names:
            assert derived.get_or_make(KEY, name, lambda: data) == data
            derived.trim()

        kept = [name for name in names if derived.find(KEY, name) is not None]
        assert 8 <= len(kept) <= 16
        assert kept == names[-len(kept) :]  # the oldest went
        assert derived.find(OTHER, "thumbnail") == data

    def test_what_is_larger_than_all_the_room_is_given_but_not_kept(self, derived: Derived) -> None:
        derived.get_or_make(KEY, "small", lambda: b"small")

        assert derived.get_or_make(KEY, "a", lambda: bytes(2 * SIZE)) == bytes(2 * SIZE)
        derived.trim()

        assert derived.find(KEY, "a") is None

    def test_large_things_are_made_in_a_file_and_read_in_runs(self, derived: Derived) -> None:
        made = []

        def make(file: BinaryIO) -> None:
            made.append(1)
            file.write(b"....456789" * 9_000)
            file.seek(0)
            file.write(b"0123")

        file = derived.file_or_make(KEY, "a", make)
        again = derived.file_or_make(KEY, "a", make)
        derived.forget(KEY)

        assert (file.size, again.size, made) == (90_000, 90_000, [1])
        assert b"".join(again.chunks()) == b"0123456789" + b"....456789" * 8_999
        assert b"".join(file.chunks(Span(2, 10))) == b"23456789.."
        assert list(file.chunks(Span(7, 0))) == []

    def test_a_file_too_large_to_be_kept_is_given_all_the_same(self, derived: Derived) -> None:
        file = derived.file_or_make(KEY, "a", lambda out: out.write(bytes(2 * SIZE)))

        assert sum(map(len, file.chunks())) == file.size == 2 * SIZE

    def test_a_file_that_cannot_be_made_leaves_nothing(self, derived: Derived) -> None:
        def fail(file: BinaryIO) -> None:
            file.write(b"half")
            raise Undecodable("broken")

        with pytest.raises(Undecodable):
            derived.file_or_make(KEY, "a", fail)

        file = derived.file_or_make(KEY, "a", lambda out: out.write(b"whole"))
        assert b"".join(file.chunks()) == b"whole"
