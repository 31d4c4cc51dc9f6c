"""Whatever happens to them and whatever they are asked, both indexes say the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filmroom.dicom.attributes import BY_KEYWORD
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import AnyOf, Exact, Key, Range, Universal, Wildcard, Words
from filmroom.errors import ArchiveError
from filmroom.index.memory import MemoryIndex
from filmroom.index.sqlite import open_index
from filmroom.model.instance import Instance
from filmroom.model.ports import InstanceIndex
from filmroom.model.query import Match, Order, Query
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict
from filmroom.testing.index_objects import instance
from filmroom.testing.index_suite_metadata import datasets

NAMES = ["Doe^Jane", "DOE^JOHN", "Müller^Jürgen", "Smith", "山田^太郎", "[x]^y"]
VALUES: dict[str, list[object]] = {
    "PatientName": [*NAMES, {"Alphabetic": "Doe", "Ideographic": "山田"}],
    "PatientID": ["MRN-1", "mrn-2", "30", "*"],
    "PatientSex": ["F", "m"],
    "StudyDate": ["20240101", "20240102", "2024.02.01", "rubbish"],
    "StudyTime": ["101500", "1015", "235959.5"],
    "StudyDescription": ["CT Thorax", "Thorax, CT", "Schädel"],
    "ReferringPhysicianName": ["House^Gregory", "Smith"],
    "OtherPatientIDs": [["A", "B"], ["B"]],
    "PatientWeight": ["70", "70.50", 7.5],
    "ProcedureCodeSequence__CodeValue": ["RPID16", "RPID1"],
    "Modality": ["CT", "MR", "SR"],
    "SeriesNumber": [1, 2, 10, "3"],
    "SeriesDescription": ["Lung", "lung 1.0"],
    "PerformedProcedureStepStartDate": ["20240101", "20240103"],
    "PerformedProcedureStepStartTime": ["101500", "1200"],
    "RequestAttributesSequence__ScheduledProcedureStepID": ["S1", "S2"],
    "InstanceNumber": [1, 2, 3, "4"],
    "Rows": [256, 512],
    "ContentDate": ["20240101", "20240102"],
    "ContentTime": ["1000", "101500"],
    "ConceptNameCodeSequence__CodeValue": ["18748-4", "X"],
    "SliceLocation": ["-1.5", 2, 10],
}
SORTS = [
    "StudyDate",
    "PatientName",
    "PatientWeight",
    "SeriesNumber",
    "Modality",
    "InstanceNumber",
    "SliceLocation",
    "Rows",
    "NumberOfStudyRelatedInstances",
    "SOPInstanceUID",
    "StudyInstanceUID",
]
UIDS = {
    "StudyInstanceUID": ["1", "2", "3"],
    "SeriesInstanceUID": ["1", "2"],
    "SOPInstanceUID": ["1", "2", "3"],
    "SOPClassUID": ["1.2.1", "1.2.2"],
    "SOPClassesInStudy": ["1.2.1"],
    "ModalitiesInStudy": ["CT", "MR", "SR"],
}

instances = st.builds(
    lambda uids, version, received, sop_class, values: instance(
        uids[2],
        series=uids[1],
        study=uids[0],
        version=version,
        received=float(received),
        sop_class=sop_class,
        **values,
    ),
    st.tuples(st.sampled_from("123"), st.sampled_from("12"), st.sampled_from("123")),
    st.sampled_from("ab"),
    st.integers(0, 6),
    st.sampled_from(["1.2.1", "1.2.2"]),
    st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in VALUES.items()}),
)
selections = st.builds(
    lambda uids, depth: Selection(*uids[:depth]),
    st.tuples(st.sampled_from("123"), st.sampled_from("12"), st.sampled_from("123")),
    st.integers(1, 3),
)
Deed = Callable[[InstanceIndex], object]


def _adding(one: Instance, conflict: OnConflict) -> Deed:
    return lambda index: index.add(one, conflict)


deeds: st.SearchStrategy[Deed] = st.one_of(
    st.builds(_adding, instances, st.sampled_from(OnConflict)),
    st.builds(_adding, instances, st.just(OnConflict.KEEP_FIRST)),
    st.builds(lambda s: lambda index: sorted(index.reject(s, "113001^DCM", "t")), selections),
    st.builds(lambda s: lambda index: sorted(index.restore(s, "t")), selections),
    st.builds(lambda s: lambda index: sorted(index.remove(s, "t")), selections),
)


def _texts(keyword: str) -> list[str]:
    values = VALUES.get(keyword) or UIDS[keyword]
    texts = []
    for value in values:
        several = value if isinstance(value, list) else [value]
        texts += [str(one["Alphabetic"]) if isinstance(one, dict) else str(one) for one in several]
    return texts


@st.composite
def keys(draw: st.DrawFn, keyword: str) -> Key:
    texts = st.sampled_from(_texts(keyword))
    vr = BY_KEYWORD[keyword.replace("__", ".")].vr
    kinds: list[st.SearchStrategy[Key]] = [
        st.builds(Exact, texts),
        st.builds(lambda text, cut: Wildcard(text[:cut] + "*"), texts, st.integers(0, 4)),
        st.builds(lambda text, cut: Wildcard("*" + text[cut:]), texts, st.integers(0, 4)),
        st.builds(lambda text: Wildcard("*" + text[1:-1] + "*"), texts),
        st.builds(lambda text: Wildcard("?" + text[1:]), texts),
        st.builds(lambda many: AnyOf(tuple(map(Exact, many))), st.lists(texts, min_size=1)),
        st.just(Universal()),
    ]
    if vr in ("DA", "TM"):
        ends = st.none() | st.sampled_from(
            ["20240101", "20240102"] if vr == "DA" else ["101500", "110000", "1200"]
        )
        kinds += [st.builds(Range, ends, ends)] * 4
    if vr == "PN":
        words = st.sampled_from(["doe", "j", "ju", "mul", "山", "smith", "[", "jane"])
        kinds += [st.builds(lambda many: Words(tuple(many)), st.lists(words, max_size=2))] * 2
    return draw(st.one_of(kinds))


@st.composite
def queries(draw: st.DrawFn) -> Query:
    keywords = draw(
        st.lists(st.sampled_from([*VALUES, *UIDS]), min_size=0, max_size=3, unique=True)
    )
    if draw(st.integers(0, 3)) == 0:
        keywords += [one for one in ("StudyDate", "StudyTime") if one not in keywords]
    sorts = draw(st.lists(st.sampled_from(SORTS), max_size=2, unique=True))
    return Query(
        draw(st.sampled_from([Level.STUDY, Level.SERIES, Level.IMAGE])),
        within=draw(st.just(Selection()) | selections),
        matching=tuple(
            Match(BY_KEYWORD[one.replace("__", ".")].path, draw(keys(one))) for one in keywords
        ),
        include_all=draw(st.booleans()),
        order=tuple(Order(BY_KEYWORD[one].path, draw(st.booleans())) for one in sorts),
        limit=draw(st.sampled_from([0, 1, 2, 100])),
        offset=draw(st.sampled_from([0, 0, 1, 3])),
    )


def _outcome(deed: Deed, index: InstanceIndex) -> object:
    try:
        return deed(index)
    except ArchiveError as error:
        return type(error), str(error)


def _state(index: InstanceIndex) -> dict[str, object]:
    located = list(index.located())
    try:
        selected: object = [one.key for one in index.select(Selection())]
        texts: object = sorted(
            orjson.dumps(one)
            for study in {one.ref.study for one in index.select(Selection())}
            for one in datasets(index.metadata(Selection(study)))
        )
    except ArchiveError as error:
        selected = texts = str(error)
    return {
        "counts": index.counts(),
        "located": sorted(one.key for one in located),
        "frames": [len(index.frames(one.key)) for one in sorted(located, key=lambda o: o.key)],
        "selected": selected,
        "texts": texts,
        "rejections": sorted((one.ref, one.code) for one in index.rejections()),
        "asides": sorted((one.ref, one.key) for one in index.asides()),
        "tombstones": sorted(index.tombstones(float("inf"))),
        "changes": [(one.sequence, one.action, one.ref) for one in index.changes()],
    }


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "index.sqlite3"
    open_index(f"sqlite:///{path}").close()
    return path


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    happened=st.lists(deeds, min_size=1, max_size=14),
    asked=st.lists(queries(), min_size=4, max_size=8),
)
def test_both_indexes_say_the_same(empty: Path, happened: list[Deed], asked: list[Query]) -> None:
    memory = MemoryIndex()
    with TemporaryDirectory() as folder:
        sqlite = open_index(f"sqlite:///{shutil.copy(empty, folder)}")
        try:
            for deed in happened:
                assert _outcome(deed, sqlite) == _outcome(deed, memory)
            assert _state(sqlite) == _state(memory)
            for query in asked:
                found, expected = sqlite.find(query), memory.find(query)
                assert found.matches == expected.matches
                assert found.more == expected.more
                assert found.total in (None, expected.total)
        finally:
            sqlite.close()
