"""What a `Records` promises, as tests: subclass RecordsSuite to prove one of your own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from filmroom.errors import Conflict, NotFound
from filmroom.model.records import Record, Records


def keys(found: list[Record]) -> list[str]:
    """The keys of what was found, in its order."""
    return [record.key for record in found]


class RecordsSuite:
    """Tests that every `Records` passes; the fixture `records` has none yet."""

    def test_a_record_is_given_as_it_was_put(self, records: Records) -> None:
        value = {"text": "Ägypten \u65e5", "number": 1.5, "list": [1, None, {"a": True}], "": {}}

        put = records.put(Record("peer", "a", value, "known", 12.25))

        assert put.version > 0
        assert records.get("peer", "a") == put
        assert put == Record("peer", "a", value, "known", 12.25, put.version)

    def test_there_is_none_at_first(self, records: Records) -> None:
        assert records.list("peer") == []
        assert list(records.kinds()) == []
        assert not records.remove("peer", "a")
        with pytest.raises(NotFound, match="'a'"):
            records.get("peer", "a")

    def test_keys_are_of_their_kind(self, records: Records) -> None:
        records.put(Record("peer", "a", {"is": "peer"}))
        records.put(Record("job", "a", {"is": "job"}))

        assert records.get("peer", "a").value == {"is": "peer"}
        assert list(records.kinds()) == ["job", "peer"]
        assert records.remove("peer", "a")
        assert records.list("peer") == []
        assert records.get("job", "a").value == {"is": "job"}

    def test_it_is_put_in_place_of_the_version_that_it_was_made_of(self, records: Records) -> None:
        first = records.put(Record("job", "1", {"done": 0}, "queued", 5.0))
        second = records.put(replace(first, value={"done": 1}, state="running", due=None))

        assert second.version > first.version
        assert records.get("job", "1") == second
        for stale in (first, replace(first, version=0), replace(first, version=second.version + 1)):
            with pytest.raises(Conflict, match="'1'"):
                records.put(stale)
        assert records.get("job", "1") == second

    def test_what_was_removed_is_not_put_back_by_who_had_read_it(self, records: Records) -> None:
        first = records.put(Record("job", "1", {}))
        records.remove("job", "1")
        with pytest.raises(Conflict):
            records.put(first)

        again = records.put(Record("job", "1", {"new": True}))

        assert again.version > first.version
        with pytest.raises(Conflict):
            records.put(first)

    def test_they_are_listed_by_key_page_by_page(self, records: Records) -> None:
        for key in ("b", "\u00e4", "B", "a", "10", "9"):
            records.put(Record("peer", key, {}))

        assert keys(records.list("peer")) == ["10", "9", "B", "a", "b", "\u00e4"]
        assert keys(records.list("peer", limit=2)) == ["10", "9"]
        assert keys(records.list("peer", after="9", limit=2)) == ["B", "a"]
        assert records.list("peer", after="\u00e4") == []
        assert records.list("peer", limit=0) == []
        assert keys(records.list("peer", backwards=True, limit=2)) == ["\u00e4", "b"]
        assert keys(records.list("peer", backwards=True, after="b")) == ["a", "B", "9", "10"]

    def test_they_are_listed_by_state_and_by_when_they_are_due(self, records: Records) -> None:
        for key, state, due in (
            ("1", "queued", 10.0),
            ("2", "queued", 30.0),
            ("3", "queued", None),
            ("4", "running", 10.0),
        ):
            records.put(Record("job", key, {}, state, due))

        assert keys(records.list("job", state="queued")) == ["1", "2", "3"]
        assert keys(records.list("job", state="queued", due=29.0)) == ["1"]
        assert keys(records.list("job", state="queued", due=30.0)) == ["1", "2"]
        assert keys(records.list("job", due=10.0)) == ["1", "4"]
        assert keys(records.list("job", state="queued", due=30.0, after="1")) == ["2"]
        assert records.list("job", state="") == []

    def test_what_was_put_does_not_change_with_what_it_was_made_of(self, records: Records) -> None:
        value = {"list": [1]}
        records.put(Record("job", "1", value))
        value["list"].append(2)

        assert records.get("job", "1").value == {"list": [1]}

    def test_of_those_who_change_one_at_once_only_one_succeeds(self, records: Records) -> None:
        first = records.put(Record("job", "1", {"by": None}, "queued"))

        def claim(number: int) -> bool:
            try:
                records.put(replace(first, value={"by": number}, state="running"))
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            claimed = list(threads.map(claim, range(16)))

        assert claimed.count(True) == 1
        assert records.get("job", "1").value == {"by": claimed.index(True)}
