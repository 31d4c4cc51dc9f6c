"""What an index promises of searching, as tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import pytest

from filmroom.dicom.attributes import BY_KEYWORD
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import AnyOf, Exact, Key, Range, Universal, Wildcard, Words
from filmroom.model.ports import InstanceIndex
from filmroom.model.query import Match, Order, Query
from filmroom.model.selection import Selection
from filmroom.testing.index_objects import instance

STUDIES: dict[str, dict[str, Any]] = {
    "1": {
        "PatientName": "Doe^Jane",
        "PatientID": "MRN-1",
        "PatientSex": "F",
        "PatientBirthDate": "19700101",
        "AccessionNumber": "A1",
        "StudyDate": "20240101",
        "StudyTime": "101500",
        "StudyDescription": "CT Thorax",
        "ReferringPhysicianName": "House^Gregory",
        "ProcedureCodeSequence__CodeValue": "RPID16",
    },
    "2": {
        "PatientName": "Müller^Jürgen",
        "PatientID": "mrn-2",
        "PatientSex": "M",
        "AccessionNumber": "A2",
        "StudyDate": "20240201",
        "StudyTime": "080000",
        "StudyDescription": "MR Schädel",
    },
    "3": {
        "PatientName": {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"},
        "PatientID": "3",
        "OtherPatientIDs": ["X3", "Y3"],
        "StudyDate": "20240201",
        "StudyTime": "181500.5",
    },
    "4": {},
}
SERIES: dict[str, dict[str, Any]] = {
    "1.1": {
        "Modality": "CT",
        "SeriesNumber": 2,
        "SeriesDescription": "Lung 1.0",
        "RequestAttributesSequence__ScheduledProcedureStepID": "SPS1",
        "PerformedProcedureStepStartDate": "20240101",
    },
    "1.2": {"Modality": "SR", "SeriesNumber": 1, "SeriesDescription": "Report [1]"},
    "2.1": {"Modality": "MR", "SeriesNumber": 10, "BodyPartExamined": "HEAD"},
    "3.1": {"Modality": "US"},
    "4.1": {"Modality": "CT", "SeriesNumber": 3},
}


def filled(index: InstanceIndex) -> None:
    """Four studies of five series with two instances each; the third study is the newest."""
    for series, of_series in SERIES.items():
        for number in (1, 2):
            study = series[0]
            index.add(
                instance(
                    f"{series}.{number}",
                    series=series,
                    study=study,
                    sop_class=f"1.2.{series[0]}",
                    InstanceNumber=number,
                    Rows=512 * number,
                    ConceptNameCodeSequence__CodeValue="18748-4",
                    ContentDate="20240102",
                    **STUDIES[study],
                    **of_series,
                )
            )


def matching(level: Level, **keys: Key) -> Query:
    """A search by keywords; `Sequence__Keyword` inside a sequence."""
    return Query(
        level,
        matching=tuple(
            Match(BY_KEYWORD[keyword.replace("__", ".")].path, key) for keyword, key in keys.items()
        ),
    )


def answers(index: InstanceIndex, query: Query, keyword: str) -> list[Any]:
    """One attribute of all that is found, in order; None where it is not in an answer."""
    tag = BY_KEYWORD[keyword].path
    found = index.find(
        Query(
            query.level,
            query.within,
            query.matching,
            query.include | {tag},
            query.include_all,
            query.order,
            query.limit,
            query.offset,
        )
    )
    return [match[tag]["Value"][0] if tag in match else None for match in found.matches]


def case(level: Level, expected: str, **keys: Key) -> Any:  # noqa: ANN401  # what pytest.param returns
    """A search and the UIDs that it finds, in order."""
    name = ", ".join(f"{keyword}={key}" for keyword, key in keys.items())
    return pytest.param(matching(level, **keys), expected.split(), id=f"{level.name} {name}")


STUDY, SERIES_LEVEL, IMAGE = Level.STUDY, Level.SERIES, Level.IMAGE
CASES = [
    case(STUDY, "3 2 1 4"),
    case(STUDY, "3 2 1 4", PatientName=Universal()),
    case(STUDY, "1", StudyInstanceUID=Exact("1")),
    case(STUDY, "3 1", StudyInstanceUID=AnyOf((Exact("1"), Exact("3"), Exact("9")))),
    case(STUDY, "1", PatientID=Exact("mrn-1")),
    case(STUDY, "2 1", PatientID=Wildcard("MRN*")),
    case(STUDY, "2 1", PatientID=Wildcard("*rn-*")),
    case(STUDY, "2", PatientID=Wildcard("*2")),
    case(STUDY, "", PatientID=Exact("MRN")),
    case(STUDY, "2 1", AccessionNumber=AnyOf((Exact("a1"), Wildcard("*2")))),
    case(STUDY, "1", PatientName=Exact("DOE^JANE")),
    case(STUDY, "1", PatientName=Exact("doe, jane")),
    case(STUDY, "", PatientName=Exact("Doe")),
    case(STUDY, "1", PatientName=Wildcard("doe^*")),
    case(STUDY, "1", PatientName=Wildcard("D?e*")),
    case(STUDY, "", PatientName=Wildcard("D?e")),
    case(STUDY, "2", PatientName=Wildcard("*muller*")),
    case(STUDY, "2", PatientName=Wildcard("*ÜRG*")),
    case(STUDY, "3", PatientName=Wildcard("山田*")),
    case(STUDY, "3", PatientName=Exact("yamada^tarou=山田^太郎")),
    case(STUDY, "3", PatientName=Wildcard("*=山田*")),
    case(STUDY, "1", PatientName=Words(("ja", "doe"))),
    case(STUDY, "", PatientName=Words(("oe",))),
    case(STUDY, "3", PatientName=Words(("tarou", "山田"))),
    case(STUDY, "2", StudyDescription=Wildcard("*schadel*")),
    case(STUDY, "1", StudyDescription=Exact("ct thorax")),
    case(STUDY, "1", PatientSex=Exact("f")),
    case(STUDY, "1", ReferringPhysicianName=Wildcard("*greg*")),
    case(STUDY, "3", OtherPatientIDs=Exact("y3")),
    case(STUDY, "1", ProcedureCodeSequence__CodeValue=Exact("RPID16")),
    case(STUDY, "1", PatientBirthDate=Range("19691231", "19700101")),
    case(STUDY, "1", StudyDate=Exact("20240101")),
    case(STUDY, "3 2", StudyDate=Range("20240102", None)),
    case(STUDY, "1", StudyDate=Range(None, "20240131")),
    case(STUDY, "3 2 1", StudyDate=Range("20240101", "20240201")),
    case(STUDY, "2", StudyTime=Range("070000", "100000")),
    case(STUDY, "3", StudyTime=Wildcard("1815*")),
    case(STUDY, "2", StudyDate=Range("20240101", "20240201"), StudyTime=Range("110000", "120000")),
    case(STUDY, "2 1", StudyDate=Range("20240101", "20240201"), StudyTime=Range("101500", "09")),
    case(STUDY, "3", StudyDate=Exact("20240201"), StudyTime=Range("090000", None)),
    case(STUDY, "1 4", ModalitiesInStudy=Exact("CT")),
    case(STUDY, "2 1", ModalitiesInStudy=AnyOf((Exact("SR"), Exact("MR")))),
    case(STUDY, "3 1 4", ModalitiesInStudy=AnyOf((Exact("US"), Exact("CT")))),
    case(STUDY, "1 4", Modality=Exact("CT")),
    case(STUDY, "1", SeriesDescription=Wildcard("*lung*")),
    case(STUDY, "1", SeriesDescription=Wildcard("*[1]")),
    case(STUDY, "1", SeriesInstanceUID=Exact("1.2")),
    case(STUDY, "2", SOPInstanceUID=Exact("2.1.1")),
    case(STUDY, "2", SOPClassesInStudy=Exact("1.2.2")),
    case(STUDY, "3", SOPClassUID=Exact("1.2.3")),
    case(STUDY, "3 2 1 4", Rows=Exact("512")),
    case(STUDY, "3 2 1 4", InstanceNumber=Exact("2")),
    case(STUDY, "", InstanceNumber=Exact("3")),
    case(STUDY, "1", PatientSex=Exact("F"), ModalitiesInStudy=Exact("SR")),
    case(STUDY, "", PatientSex=Exact("F"), ModalitiesInStudy=Exact("MR")),
    case(STUDY, "", PatientName=Exact("nobody")),
    case(SERIES_LEVEL, "3.1 2.1 1.2 1.1 4.1"),
    case(SERIES_LEVEL, "1.1 4.1", Modality=Exact("CT")),
    case(SERIES_LEVEL, "2.1", SeriesNumber=Exact("10")),
    case(SERIES_LEVEL, "1.2 1.1", PatientName=Wildcard("doe*")),
    case(SERIES_LEVEL, "3.1 2.1", StudyDate=Exact("20240201")),
    case(SERIES_LEVEL, "2.1", BodyPartExamined=Exact("head")),
    case(SERIES_LEVEL, "1.1", PerformedProcedureStepStartDate=Range("20240101", None)),
    case(SERIES_LEVEL, "1.1", RequestAttributesSequence__ScheduledProcedureStepID=Exact("sps1")),
    case(SERIES_LEVEL, "1.2", SOPInstanceUID=Exact("1.2.2")),
    case(SERIES_LEVEL, "2.1", SOPClassUID=Exact("1.2.2")),
    case(IMAGE, "3.1.1 3.1.2 2.1.1 2.1.2 1.2.1 1.2.2 1.1.1 1.1.2 4.1.1 4.1.2"),
    case(IMAGE, "1.2.1 1.2.2 1.1.1 1.1.2", PatientName=Exact("doe^jane")),
    case(IMAGE, "1.1.1 1.1.2 4.1.1 4.1.2", Modality=Exact("CT")),
    case(IMAGE, "3.1.2 2.1.2 1.2.2 1.1.2 4.1.2", Rows=Exact("1024")),
    case(IMAGE, "2.1.2", InstanceNumber=Exact("2"), Modality=Exact("MR")),
    case(IMAGE, "2.1.1 2.1.2", SOPClassUID=Exact("1.2.2")),
    case(IMAGE, "2.1.1", SOPInstanceUID=AnyOf((Exact("2.1.1"), Exact("9")))),
    case(IMAGE, "2.1.1 2.1.2", ContentDate=Range("20240102", None), Modality=Exact("MR")),
    case(
        IMAGE,
        "3.1.1 3.1.2",
        ConceptNameCodeSequence__CodeValue=Exact("18748-4"),
        ModalitiesInStudy=Exact("US"),
    ),
]
UIDS = {STUDY: "StudyInstanceUID", SERIES_LEVEL: "SeriesInstanceUID", IMAGE: "SOPInstanceUID"}


class SearchSuite(ABC):
    """Tests of searching."""

    @abstractmethod
    def index(self) -> InstanceIndex:
        """A fixture: an empty index."""

    @pytest.mark.parametrize(("query", "expected"), CASES)
    def test_what_matches_is_found_in_order(
        self, index: InstanceIndex, query: Query, expected: list[str]
    ) -> None:
        filled(index)

        assert answers(index, query, UIDS[query.level]) == expected

    def test_searches_stay_within_what_the_address_names(self, index: InstanceIndex) -> None:
        filled(index)

        def within(level: Level, selection: Selection) -> list[str]:
            return answers(index, Query(level, selection), UIDS[level])

        assert within(SERIES_LEVEL, Selection("1")) == ["1.2", "1.1"]
        assert within(IMAGE, Selection("1")) == ["1.2.1", "1.2.2", "1.1.1", "1.1.2"]
        assert within(IMAGE, Selection("1", "1.1")) == ["1.1.1", "1.1.2"]
        assert within(IMAGE, Selection("2", "1.1")) == []
        assert within(STUDY, Selection("9")) == []

    def test_an_answer_holds_the_defaults_of_its_level(self, index: InstanceIndex) -> None:
        filled(index)

        found = index.find(matching(STUDY, StudyInstanceUID=Exact("1"))).matches
        assert sorted(found[0]) == [
            "00080020",
            "00080030",
            "00080050",
            "00080056",
            "00080061",
            "00080090",
            "00081030",
            "00100010",
            "00100020",
            "00100030",
            "00100040",
            "0020000D",
            "00201206",
            "00201208",
        ]
        assert found[0]["00080056"] == {"vr": "CS", "Value": ["ONLINE"]}
        found = index.find(Query(SERIES_LEVEL, Selection("1"))).matches
        assert "00100010" not in found[0]
        assert found[0]["0020000D"]["Value"] == ["1"]
        found = index.find(Query(IMAGE)).matches
        assert found[-3]["00080060"]["Value"] == ["CT"]
        assert found[-3]["00100010"]["Value"] == [{"Alphabetic": "Doe^Jane"}]
        found = index.find(Query(IMAGE, Selection("1", "1.1"))).matches
        assert "00080060" not in found[0]
        assert found[0]["00280010"]["Value"] == [512]

    def test_more_is_returned_where_it_is_asked_for(self, index: InstanceIndex) -> None:
        filled(index)

        asked = Query(STUDY, include=frozenset({"00081032", "00080060", "00280010", "99999999"}))
        found = index.find(asked).matches[2]
        assert found["00081032"]["Value"] == [{"00080100": {"vr": "SH", "Value": ["RPID16"]}}]
        assert not {"00080060", "00280010", "99999999"} & set(found)
        found = index.find(Query(IMAGE, Selection("1", "1.1"), include_all=True)).matches[0]
        assert {"0040A043", "0008103E", "00081032", "00100010"} <= set(found)
        keyed = matching(STUDY, ProcedureCodeSequence__CodeValue=Universal())
        assert "00081032" in index.find(keyed).matches[2]

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            ((Order("00080020"),), "1 2 3 4"),
            ((Order("00080020", descending=True),), "3 2 1 4"),
            ((Order("00100010"),), "1 2 3 4"),
            ((Order("00100010", descending=True),), "3 2 1 4"),
            ((Order("00100040"), Order("00080020")), "1 2 3 4"),
            ((Order("0020000D", descending=True),), "4 3 2 1"),
            ((Order("00201206", descending=True),), "1 3 2 4"),
            ((Order("99999999"),), "3 2 1 4"),
        ],
    )
    def test_studies_can_be_sorted(
        self, index: InstanceIndex, order: tuple[Order, ...], expected: str
    ) -> None:
        filled(index)

        assert answers(index, Query(STUDY, order=order), "StudyInstanceUID") == expected.split()

    def test_series_and_instances_can_be_sorted(self, index: InstanceIndex) -> None:
        filled(index)

        by_modality = Query(SERIES_LEVEL, order=(Order("00080060"), Order("00100010", True)))
        assert answers(index, by_modality, "SeriesInstanceUID") == [
            "1.1",
            "4.1",
            "2.1",
            "1.2",
            "3.1",
        ]
        by_rows = Query(IMAGE, Selection("1", "1.1"), order=(Order("00280010", True),))
        assert answers(index, by_rows, "SOPInstanceUID") == ["1.1.2", "1.1.1"]

    def test_pages_join_without_a_seam(self, index: InstanceIndex) -> None:
        filled(index)

        pages = [index.find(Query(SERIES_LEVEL, limit=2, offset=at)) for at in (0, 2, 4, 6)]
        uids = [[one["0020000E"]["Value"][0] for one in page.matches] for page in pages]
        assert uids == [["3.1", "2.1"], ["1.2", "1.1"], ["4.1"], []]
        assert [page.more for page in pages] == [True, True, False, False]
        assert pages[0].total == 5
        nothing = index.find(Query(STUDY, limit=0))
        assert (nothing.matches, nothing.more, nothing.total) == ([], True, 4)

    def test_all_of_a_search_comes_in_pages_however_large_its_own(
        self, index: InstanceIndex
    ) -> None:
        filled(index)

        for level, sizes in ((STUDY, [3, 1]), (SERIES_LEVEL, [3, 2]), (IMAGE, [3, 3, 3, 1])):
            for asked in (Query(level, limit=1, offset=2), matching(level, PatientID=Universal())):
                pages = list(index.pages(asked, 3))
                every = replace(asked, limit=1000, offset=0)
                assert [len(page) for page in pages] == sizes
                assert [one for page in pages for one in page] == index.find(every).matches
        assert list(index.pages(matching(STUDY, PatientID=Exact("x")), 3)) == []

    def test_what_is_deleted_between_pages_is_left_out(self, index: InstanceIndex) -> None:
        filled(index)

        pages = index.pages(Query(STUDY), 1)
        assert next(pages)[0]["0020000D"]["Value"] == ["3"]
        index.remove(Selection("2"), "test")
        rest = [one["0020000D"]["Value"][0] for page in pages for one in page]
        assert [uid for uid in rest if uid != "2"] == ["1", "4"]

    def test_ranges_of_date_and_time_are_combined_or_not(self, index: InstanceIndex) -> None:
        filled(index)

        keys = {"StudyDate": Range("20240101", "20240201"), "StudyTime": Range("10", "17")}
        together = matching(STUDY, **keys)
        assert answers(index, together, "StudyInstanceUID") == ["2", "1"]
        apart = index.find(replace(together, combined=False)).matches
        assert [one["0020000D"]["Value"][0] for one in apart] == ["1"]

    def test_a_bare_answer_holds_what_was_asked_for(self, index: InstanceIndex) -> None:
        filled(index)

        asked = replace(matching(SERIES_LEVEL, PatientID=Universal()), bare=True)
        found = index.find(replace(asked, include=frozenset({"00080060"}))).matches
        tags = ["00080056", "00080060", "00100020", "0020000D", "0020000E"]
        assert sorted(found[0]) == tags

    def test_the_total_is_exact_where_it_is_told(self, index: InstanceIndex) -> None:
        filled(index)

        assert index.find(Query(STUDY, limit=1)).total == 4
        assert index.find(Query(IMAGE, limit=1)).total == 10
        one_of_two = matching(STUDY, PatientID=Wildcard("mrn*"))
        assert index.find(one_of_two).total == 2
        assert index.find(matching(STUDY, PatientID=Exact("x"))).total == 0

    def test_the_version_changes_with_what_is_held(self, index: InstanceIndex) -> None:
        filled(index)
        before = index.find(Query(STUDY)).version

        assert index.find(Query(STUDY)).version == before
        index.add(instance("4.1.3", series="4.1", study="4"))
        assert index.find(Query(STUDY)).version != before

    @pytest.mark.parametrize(
        "text", ["*", "***", "?", "[a-z]*", "*]*", '*"*', "*'--*", "%", "_", "\\", "a" * 5000]
    )
    @pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "SeriesDescription"])
    def test_odd_patterns_are_only_text(
        self, index: InstanceIndex, text: str, keyword: str
    ) -> None:
        filled(index)
        for kind in (Wildcard, Exact):
            found = index.find(matching(STUDY, **{keyword: kind(text)})).matches
            assert (
                len(found) == (4 if kind is Wildcard and set(text) == {"*"} else 0)
                or (text == "*]*" and keyword == "SeriesDescription")
                or (text == "?" and keyword == "PatientID")
            )

    def test_a_name_with_signs_of_patterns_is_found_by_its_words(
        self, index: InstanceIndex
    ) -> None:
        index.add(instance(PatientName="[Doe]^J*ne"))

        assert answers(index, matching(STUDY, PatientName=Words(("[do",))), "PatientID") == [None]
        assert answers(index, matching(STUDY, PatientName=Words(("j*",))), "PatientID") == [None]
        assert answers(index, matching(STUDY, PatientName=Words(("j?",))), "PatientID") == []
