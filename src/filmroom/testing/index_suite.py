"""What an `InstanceIndex` promises, as tests: subclass IndexSuite to prove one of your own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from filmroom.dicom.bulk import BulkValue
from filmroom.dicom.frames import Span
from filmroom.dicom.levels import Level
from filmroom.errors import Broken, Conflict, NotFound
from filmroom.model.change import Action
from filmroom.model.instance import Instance, InstanceRef, Located, Original
from filmroom.model.ports import Added, Counts, InstanceIndex
from filmroom.model.query import Query
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict, Outcome
from filmroom.testing.index_objects import CT_IMAGE, EXPLICIT_LITTLE, instance
from filmroom.testing.index_suite_hiding import HidingSuite
from filmroom.testing.index_suite_metadata import MetadataSuite, datasets
from filmroom.testing.index_suite_search import SearchSuite, answers

__all__ = ["IndexSuite"]
EVERYTHING = Selection()


class IndexSuite(SearchSuite, MetadataSuite, HidingSuite):
    """Tests that every index passes; the fixture `index` is an empty one."""

    # -- adding --------------------------------------------------------------------------

    def test_an_empty_index_holds_nothing(self, index: InstanceIndex) -> None:
        assert index.counts() == Counts(0, 0, 0, 0, 0, 0)
        assert index.find(Query(Level.STUDY)).matches == []
        assert index.changes() == []
        with pytest.raises(NotFound):
            index.select(EVERYTHING)

    def test_an_instance_is_located_as_it_was_added(self, index: InstanceIndex) -> None:
        one = instance("1.1.1", size=512, frames=3)

        assert index.add(one).outcome is Outcome.NEW

        ref = InstanceRef("1", "1.1", "1.1.1")
        assert index.locate(ref) == Located(
            ref, CT_IMAGE, EXPLICIT_LITTLE, one.key, 512, 3, one.received
        )
        assert index.counts() == Counts(1, 1, 1, 512, 0, 0)
        assert index.knows(one.key)
        assert not index.knows("0" * 64)

    def test_the_version_changes_with_what_can_be_found(self, index: InstanceIndex) -> None:
        versions = [index.version()]
        index.add(instance())
        versions.append(index.version())
        index.add(instance())  # the same again
        versions.append(index.version())
        index.reject(EVERYTHING, "113001^DCM", "test")
        versions.append(index.version())
        index.remove(EVERYTHING, "test")
        versions.append(index.version())

        assert versions[1] == versions[2]
        assert len(set(versions)) == 4

    def test_several_are_added_in_their_order_each_with_its_own_outcome(
        self, index: InstanceIndex
    ) -> None:
        one, again, other = instance(version="1"), instance(version="1"), instance(version="2")
        more = [instance(f"1.1.{number}") for number in range(2, 5)]

        new, same, refused, *added = index.add_all([one, again, other, *more], OnConflict.REFUSE)

        assert isinstance(new, Added)
        assert new.outcome is Outcome.NEW
        assert isinstance(same, Added)
        assert same.outcome is Outcome.SAME
        assert isinstance(refused, Conflict)
        assert added == [Added(Outcome.NEW)] * 3
        assert index.counts().instances == 4
        assert index.add_all([]) == []

    def test_frames_and_bulk_values_are_found_by_key(self, index: InstanceIndex) -> None:
        one = instance(frames=3)
        index.add(one)

        assert list(index.frames(one.key).spans(2)) == [Span(150, 50)]
        assert index.bulk(one.key).find("00420011") == BulkValue("00420011", "OB", (Span(10, 20),))
        with pytest.raises(NotFound):
            index.frames("0" * 64)
        with pytest.raises(NotFound):
            index.bulk("0" * 64)

    def test_identity_is_by_all_three_uids(self, index: InstanceIndex) -> None:
        index.add(instance("9", series="1.1", study="1"))
        index.add(instance("9", series="1.2", study="1"))
        index.add(instance("9", series="1.1", study="2"))

        assert index.counts() == Counts(2, 3, 3, 3000, 0, 0)
        with pytest.raises(NotFound):
            index.locate(InstanceRef("2", "1.2", "9"))

    def test_an_instance_needs_no_attributes(self, index: InstanceIndex) -> None:
        index.add(instance("1.1.1"))

        assert answers(index, Query(Level.IMAGE), "SOPInstanceUID") == ["1.1.1"]

    def test_selections_are_in_series_and_instance_order(self, index: InstanceIndex) -> None:
        for uid, series, of_series, number in (
            ("a", "1.2", 2, 1),
            ("b", "1.1", 1, 10),
            ("c", "1.1", 1, 2),
            ("d", "1.3", None, 1),
        ):
            more: dict[str, Any] = {} if of_series is None else {"SeriesNumber": of_series}
            index.add(instance(uid, series=series, InstanceNumber=number, **more))

        assert [one.ref.instance for one in index.select(Selection("1"))] == ["c", "b", "a", "d"]
        assert [one.ref.instance for one in index.select(Selection("1", "1.1"))] == ["c", "b"]
        assert {one.ref.instance for one in index.located()} == {"a", "b", "c", "d"}

    def test_the_same_bytes_again_change_nothing(self, index: InstanceIndex) -> None:
        one = instance()
        index.add(one)

        assert index.add(one).outcome is Outcome.SAME
        assert index.add(one, OnConflict.REFUSE).outcome is Outcome.SAME
        assert index.counts().instances == 1
        assert len(index.changes()) == 1

    def test_other_bytes_are_kept_aside(self, index: InstanceIndex) -> None:
        first, second = instance(version="1"), instance(version="2")
        index.add(first)

        assert index.add(second).outcome is Outcome.KEPT_FIRST
        assert index.add(second).outcome is Outcome.KEPT_FIRST
        assert index.locate(first.ref).key == first.key
        assert [(aside.ref, aside.key) for aside in index.asides()] == [(first.ref, second.key)]
        assert index.counts() == Counts(1, 1, 1, 1000, 0, 1)
        assert index.knows(second.key)

    def test_other_bytes_are_refused_where_that_is_wanted(self, index: InstanceIndex) -> None:
        first = instance(version="1")
        index.add(first)

        with pytest.raises(Conflict):
            index.add(instance(version="2"), OnConflict.REFUSE)
        assert index.locate(first.ref).key == first.key
        assert index.counts() == Counts(1, 1, 1, 1000, 0, 0)

    def test_a_newcomer_takes_the_place_where_that_is_wanted(self, index: InstanceIndex) -> None:
        index.add(instance("1.1.2", InstanceNumber=2))
        first = instance(version="1", size=10, PatientName="Before", Rows=512)
        second = instance(version="2", size=20, PatientName="After", Rows=256, frames=2)
        index.add(first)

        assert index.add(second, OnConflict.REPLACE).outcome is Outcome.REPLACED

        assert index.locate(first.ref).key == second.key
        assert len(index.frames(second.key)) == 2
        assert index.counts() == Counts(1, 1, 2, 1020, 0, 0)
        assert answers(index, Query(Level.STUDY), "PatientName") == [{"Alphabetic": "After"}]
        assert answers(index, Query(Level.IMAGE), "Rows") == [None, 256]
        stored = datasets(index.metadata(Selection("1", "1.1", "1.1.1")))
        assert stored[0]["00100010"]["Value"] == [{"Alphabetic": "After"}]
        assert index.knows(first.key)
        assert index.tombstones(float("inf")) == [first.key]
        assert [change.action for change in index.changes()][-1] is Action.REPLACED

    def test_what_is_kept_aside_can_take_the_place(self, index: InstanceIndex) -> None:
        index.add(instance(version="1"))
        index.add(instance(version="2", received=5.0))
        index.add(instance(version="2", received=5.0), OnConflict.REPLACE)

        assert index.asides() == []
        assert index.counts().aside == 0

    # -- studies and series --------------------------------------------------------------

    def test_an_instance_without_patient_joins_its_study_unspoiled(
        self, index: InstanceIndex
    ) -> None:
        index.add(instance("a", PatientName="Doe^Jane", PatientID="7", StudyDate="20240102"))
        index.add(instance("b", series="1.2", Modality="SR"))

        (study,) = index.find(Query(Level.STUDY)).matches
        assert study["00100010"]["Value"] == [{"Alphabetic": "Doe^Jane"}]
        assert study["00080061"]["Value"] == ["SR"]
        assert study["00201208"]["Value"] == [2]

    def test_what_was_blank_is_filled_in_later(self, index: InstanceIndex) -> None:
        index.add(instance("b", series="1.2", Modality="SR"))
        index.add(instance("a", PatientName="Doe^Jane", StudyDate="20240102", Modality="CT"))
        index.add(instance("c", PatientName="Roe^Rick", StudyDate="20250102"))

        (study,) = index.find(Query(Level.STUDY)).matches
        assert study["00100010"]["Value"] == [{"Alphabetic": "Doe^Jane"}]
        assert study["00080020"]["Value"] == ["20240102"]
        assert study["00080061"]["Value"] == ["CT", "SR"]

    def test_the_first_is_who_was_received_first(self, index: InstanceIndex) -> None:
        index.add(instance("a", received=20.0, PatientName="Second", PatientID="7"))
        index.add(instance("b", received=10.0, PatientName="First"))
        index.add(instance("c", received=30.0, PatientName="Third"))

        (study,) = index.find(Query(Level.STUDY)).matches
        assert study["00100010"]["Value"] == [{"Alphabetic": "First"}]
        assert study["00100020"]["Value"] == ["7"]

    def test_another_patient_is_a_warning_and_no_refusal(self, index: InstanceIndex) -> None:
        assert index.add(instance("a", PatientID="7")).warnings == ()
        assert index.add(instance("b")).warnings == ()
        added = index.add(instance("c", PatientID="8"))

        assert added.outcome is Outcome.NEW
        assert added.warnings == ("the study's other instances have another PatientID",)
        assert index.counts().studies == 1

    def test_a_study_knows_its_modalities_classes_and_counts(self, index: InstanceIndex) -> None:
        index.add(instance("a", series="1.1", Modality="MR", sop_class="1.2.4"))
        index.add(instance("b", series="1.1", Modality="MR", sop_class="1.2.4"))
        index.add(instance("c", series="1.2", Modality="CT", sop_class="1.2.2"))

        (study,) = index.find(Query(Level.STUDY, include=frozenset({"00080062"}))).matches
        assert study["00080061"] == {"vr": "CS", "Value": ["CT", "MR"]}
        assert study["00080062"] == {"vr": "UI", "Value": ["1.2.2", "1.2.4"]}
        assert study["00201206"] == {"vr": "IS", "Value": [2]}
        assert study["00201208"] == {"vr": "IS", "Value": [3]}
        found = index.find(Query(Level.SERIES, Selection("1"))).matches
        assert [series["00201209"]["Value"] for series in found] == [[2], [1]]

    # -- the feed, the end ---------------------------------------------------------------

    def test_the_feed_has_no_gaps(self, index: InstanceIndex) -> None:
        for number in range(5):
            index.add(instance(f"1.1.{number}"))
        index.add(instance("1.1.0"))
        index.reject(Selection("1", "1.1", "1.1.3"), "113001^DCM", "api:x")
        index.restore(Selection("1"), "api:x")
        index.remove(Selection("1", "1.1", "1.1.4"), "api:x")

        feed = index.changes()
        assert [change.sequence for change in feed] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert [change.action for change in feed[5:]] == [
            Action.REJECTED,
            Action.RESTORED,
            Action.DELETED,
        ]
        assert feed[7].ref == InstanceRef("1", "1.1", "1.1.4")
        assert (feed[0].source, feed[7].source) == ("test:", "api:x")
        assert [change.sequence for change in index.changes(since=3, limit=2)] == [4, 5]
        assert index.changes(since=8) == []

    # -- recoded blobs ---------------------------------------------------------------------

    def test_what_a_blob_was_recoded_from_is_kept_until_it_is_gone(
        self, index: InstanceIndex
    ) -> None:
        sent = Original("ab" * 32, 3000, EXPLICIT_LITTLE)
        one, plain = replace(instance("a"), original=sent), instance("b")
        aside = replace(instance("a", version="2"), original=Original("cd" * 32, 1500, "1.2"))

        assert index.add(one).outcome is Outcome.NEW
        assert index.add(plain).outcome is Outcome.NEW
        assert index.add(aside).outcome is Outcome.KEPT_FIRST
        assert index.add(one).outcome is Outcome.SAME

        assert index.original(one.key) == sent
        assert index.original(aside.key) == Original("cd" * 32, 1500, "1.2")
        assert index.original(plain.key) is None
        assert index.counts().saved == 2500
        index.reject(Selection("1"), "113001^DCM", "api:")
        index.remove(Selection("1"), "api:")
        assert index.counts().saved == 2500  # the blobs are still there
        index.bury([one.key, plain.key])
        assert index.original(one.key) is None
        assert index.counts().saved == 500

    @pytest.mark.parametrize("mode", OnConflict)
    def test_what_was_sent_before_is_the_same_however_it_is_recoded(
        self, index: InstanceIndex, mode: OnConflict
    ) -> None:
        plain = instance("a", version="1")
        sent = Original(plain.key, 2000, EXPLICIT_LITTLE)
        one = replace(instance("a", version="2"), original=sent)
        other = replace(instance("a", version="3"), original=sent)
        index.add(one)

        assert index.add(plain, mode).outcome is Outcome.SAME
        assert index.add(other, mode).outcome is Outcome.SAME
        assert index.locate(one.ref).key == one.key
        assert not index.knows(plain.key)
        assert not index.knows(other.key)

    def test_threads_may_add_at_once(self, index: InstanceIndex) -> None:
        def add(number: int) -> Outcome:
            series = f"1.{number % 5}"
            return index.add(instance(f"{series}.{number}", series=series, PatientID="7")).outcome

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(add, range(200)))

        assert outcomes == [Outcome.NEW] * 200
        assert index.counts() == Counts(1, 5, 200, 200_000, 0, 0)
        assert [change.sequence for change in index.changes()] == list(range(1, 201))
        assert len(datasets(index.metadata(Selection("1")))) == 200

    def test_of_two_at_once_one_wins(self, index: InstanceIndex) -> None:
        both = threading.Barrier(2)

        def add(one: Instance) -> Outcome:
            both.wait(5)
            return index.add(one).outcome

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(add, [instance(version="1"), instance(version="2")]))

        assert sorted(outcomes) == [Outcome.KEPT_FIRST, Outcome.NEW]
        assert index.counts() == Counts(1, 1, 1, 1000, 0, 1)

    def test_a_closed_index_answers_nothing(self, index: InstanceIndex) -> None:
        index.add(instance())
        index.close()

        with pytest.raises(Broken):
            index.add(instance("2"))
        with pytest.raises(Broken):
            index.find(Query(Level.STUDY))
        index.close()
