"""What an index promises of rejecting, restoring and removing, as tests."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from filmroom.dicom.levels import Level
from filmroom.errors import NotFound
from filmroom.model.instance import InstanceRef
from filmroom.model.ports import Counts, InstanceIndex
from filmroom.model.query import Query
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict, Outcome
from filmroom.testing.index_objects import instance
from filmroom.testing.index_suite_metadata import datasets
from filmroom.testing.index_suite_search import answers

CODE = "113001^DCM"
FOREVER = float("inf")


class HidingSuite(ABC):
    """Tests of what hides and what goes."""

    @abstractmethod
    def index(self) -> InstanceIndex:
        """A fixture: an empty index."""

    def test_what_is_rejected_is_not_found(self, index: InstanceIndex) -> None:
        one, other = instance("a", size=10), instance("b", size=20)
        index.add(one)
        index.add(other)

        assert index.reject(Selection("1", "1.1", "a"), CODE, "api:") == [one.key]

        assert index.counts() == Counts(1, 1, 1, 20, 1, 0)
        assert answers(index, Query(Level.IMAGE), "SOPInstanceUID") == ["b"]
        assert [found.ref.instance for found in index.select(Selection("1"))] == ["b"]
        assert len(datasets(index.metadata(Selection("1")))) == 1
        with pytest.raises(NotFound):
            index.locate(one.ref)
        with pytest.raises(NotFound):
            index.metadata(Selection("1", "1.1", "a"))
        assert {found.ref.instance for found in index.located()} == {"a", "b"}
        (rejection,) = index.rejections()
        assert (rejection.ref, rejection.code) == (one.ref, CODE)

    def test_what_has_only_rejected_instances_is_not_found_either(
        self, index: InstanceIndex
    ) -> None:
        index.add(instance("a", series="1.1", Modality="CT", SeriesDescription="Thorax"))
        index.add(instance("b", series="1.2", Modality="MR"))
        index.reject(Selection("1", "1.1"), CODE, "api:")

        assert answers(index, Query(Level.SERIES), "SeriesInstanceUID") == ["1.2"]
        (study,) = index.find(Query(Level.STUDY)).matches
        assert study["00080061"]["Value"] == ["MR"]
        assert study["00201206"]["Value"] == [1]

        index.reject(Selection("1"), CODE, "api:")

        assert index.find(Query(Level.STUDY)).matches == []
        assert index.counts() == Counts(0, 0, 0, 0, 2, 0)
        with pytest.raises(NotFound):
            index.reject(Selection("1"), CODE, "api:")

    def test_what_only_a_rejected_instance_told_is_not_told(self, index: InstanceIndex) -> None:
        index.add(instance("a", PatientID="7", StudyDescription="Wrong"))
        index.add(instance("b", PatientID="8"))
        index.reject(Selection("1", "1.1", "a"), CODE, "api:")

        (study,) = index.find(Query(Level.STUDY)).matches
        assert study["00100020"]["Value"] == ["8"]
        assert "00081030" not in study

        index.add(instance("c", StudyDescription="Wrong"))
        assert answers(index, Query(Level.STUDY), "StudyDescription") == ["Wrong"]

    def test_what_is_restored_is_as_it_was(self, index: InstanceIndex) -> None:
        one, other = instance("a", PatientID="7", Modality="CT"), instance("b", PatientID="8")
        index.add(one)
        index.add(other)
        before = index.find(Query(Level.STUDY)).matches
        metadata = sorted(map(repr, datasets(index.metadata(Selection("1")))))
        index.reject(Selection("1"), CODE, "api:")

        assert sorted(index.restore(Selection("1"), "api:")) == sorted([one.key, other.key])

        assert index.find(Query(Level.STUDY)).matches == before
        assert sorted(map(repr, datasets(index.metadata(Selection("1"))))) == metadata
        assert index.rejections() == []
        assert index.counts() == Counts(1, 1, 2, 2000, 0, 0)
        with pytest.raises(NotFound):
            index.restore(Selection("1"), "api:")

    def test_a_rejected_instance_sent_again_is_new(self, index: InstanceIndex) -> None:
        index.add(instance(version="1"))
        index.reject(Selection("1"), CODE, "api:")
        again, other = instance(version="1"), instance("b", version="2")

        assert index.add(again, OnConflict.REFUSE).outcome is Outcome.NEW
        assert index.add(other).outcome is Outcome.NEW
        index.reject(Selection("1", "1.1", "b"), CODE, "api:")
        assert index.add(instance("b", version="3")).outcome is Outcome.NEW

        assert index.counts() == Counts(1, 1, 2, 2000, 0, 0)
        assert index.rejections() == []
        assert index.tombstones(FOREVER) == [other.key]

    def test_what_is_removed_leaves_tombstones(self, index: InstanceIndex) -> None:
        one, other = instance("a"), instance("b", series="1.2")
        index.add(one)
        index.add(other)
        index.reject(Selection("1", "1.2"), CODE, "api:")

        assert sorted(index.remove(Selection("1"), "api:")) == sorted([one.key, other.key])

        assert index.counts() == Counts(0, 0, 0, 0, 0, 0)
        assert index.find(Query(Level.STUDY)).matches == []
        assert list(index.located()) == []
        assert sorted(index.tombstones(FOREVER)) == sorted([one.key, other.key])
        assert index.tombstones(0.0) == []
        assert index.knows(one.key)
        with pytest.raises(NotFound):
            index.remove(Selection("1"), "api:")

        index.bury([one.key, other.key, "unheard of"])
        assert index.tombstones(FOREVER) == []
        assert not index.knows(one.key)

    def test_one_of_a_series_can_be_removed(self, index: InstanceIndex) -> None:
        for uid in ("a", "b", "c"):
            index.add(instance(uid, Rows=512))
        for gone, left in (("a", ["b", "c"]), ("c", ["b"])):
            index.remove(Selection("1", "1.1", gone), "api:")

            found = datasets(index.metadata(Selection("1", "1.1")))
            assert [dataset["00080018"]["Value"][0] for dataset in found] == left
            assert answers(index, Query(Level.IMAGE), "SOPInstanceUID") == left

        index.add(instance("d"))
        found = datasets(index.metadata(Selection("1", "1.1")))
        assert [dataset["00080018"]["Value"][0] for dataset in found] == ["b", "d"]

    def test_what_is_removed_can_come_again(self, index: InstanceIndex) -> None:
        one = instance("a", PatientName="Doe^Jane")
        index.add(one)
        index.remove(Selection("1"), "api:")

        assert index.add(one).outcome is Outcome.NEW
        assert index.tombstones(FOREVER) == []
        assert index.locate(InstanceRef("1", "1.1", "a")).key == one.key

    def test_what_was_aside_goes_with_what_stood(self, index: InstanceIndex) -> None:
        one, other = instance(version="1"), instance(version="2")
        index.add(one)
        index.add(other)
        index.remove(Selection("1"), "api:")

        assert index.asides() == []
        assert index.counts().aside == 0
        assert sorted(index.tombstones(FOREVER)) == sorted([one.key, other.key])

    def test_what_was_rejected_long_ago_is_purged(self, index: InstanceIndex) -> None:
        one, other = instance("a"), instance("b")
        index.add(one)
        index.add(other)
        index.reject(Selection("1", "1.1", "a"), CODE, "api:")

        assert index.purge_rejected(0.0, "purge") == []
        assert index.purge_rejected(FOREVER, "purge") == [one.key]
        assert index.counts() == Counts(1, 1, 1, 1000, 0, 0)
        assert index.tombstones(FOREVER) == [one.key]
