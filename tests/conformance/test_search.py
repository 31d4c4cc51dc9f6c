"""Search, what matches: QIDO-RS (PS3.18 §10.6), on every index alike."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from filmroom.testing.objects import CT_IMAGE, uid
from filmroom.web.app import build
from search_archive import (
    BACKENDS,
    GERMAN,
    GREEK,
    JAPANESE,
    KOREAN,
    REJECTED,
    SHOWN,
    UNDATED,
    filled,
)

CT_STUDIES = {GERMAN, UNDATED}


@pytest.fixture(scope="module", params=BACKENDS)
def search(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    with (
        filled(request.param, tmp_path_factory.mktemp("search")) as archive,
        TestClient(build(archive), base_url="http://127.0.0.1:8042") as client,
    ):
        yield client


def studies_of(client: TestClient, query: str, path: str = "/studies") -> set[int]:
    """Numbers of the studies that were found."""
    answer = client.get(f"/dicom-web{path}?{query}")
    assert answer.status_code == 200, answer.text
    assert "Warning" not in answer.headers
    uids = {match["0020000D"]["Value"][0] for match in answer.json()}
    return {number for number in range(10) if uid(number) in uids}


STUDY_KEYS = [
    ("StudyDate", "00080020", "20240115", {GERMAN}),
    ("StudyTime", "00080030", "101500", {GERMAN, KOREAN}),
    ("AccessionNumber", "00080050", "A2", {JAPANESE}),
    ("ModalitiesInStudy", "00080061", "SR", {GERMAN}),
    ("SOPClassesInStudy", "00080062", CT_IMAGE, CT_STUDIES),
    ("ReferringPhysicianName", "00080090", "House^Gregory", {GERMAN}),
    ("StudyDescription", "00081030", "A_B", {GREEK}),
    ("PatientName", "00100010", "Yamada^Tarou", {JAPANESE}),
    ("PatientID", "00100020", "MRN-001", {GERMAN}),
    ("PatientBirthDate", "00100030", "19500229", {GERMAN}),
    ("PatientSex", "00100040", "M", {GERMAN}),
    ("StudyInstanceUID", "0020000D", uid(KOREAN), {KOREAN}),
    ("StudyID", "00200010", "S1", {GERMAN}),
]


@pytest.mark.requires("PS3.18 10.6.1.2.1")
@pytest.mark.parametrize(("keyword", "tag", "value", "found"), STUDY_KEYS)
def test_studies_are_found_by_each_attribute_by_keyword_and_by_tag(
    search: TestClient, keyword: str, tag: str, value: str, found: set[int]
) -> None:
    for name in (keyword, tag, keyword.lower(), f"0x{tag}", f"({tag[:4]},{tag[4:]})"):
        assert studies_of(search, f"{name}={quote(value)}") == found


SERIES_KEYS = [
    ("Modality", "00080060", "SR", {(GERMAN, 3)}),
    ("SeriesInstanceUID", "0020000E", uid(GERMAN, 2), {(GERMAN, 2)}),
    ("SeriesNumber", "00200011", "2", {(GERMAN, 2)}),
    ("SeriesDescription", "0008103E", "Soft tissue", {(GERMAN, 2)}),
    ("PerformedProcedureStepStartDate", "00400244", "20240115", {(GERMAN, 1)}),
    ("PerformedProcedureStepStartTime", "00400245", "101000", {(GERMAN, 1)}),
    (
        "RequestAttributesSequence.ScheduledProcedureStepID",
        "00400275.00400009",
        "SPS-1",
        {(GERMAN, 1)},
    ),
    (
        "RequestAttributesSequence.RequestedProcedureID",
        "00400275.00401001",
        "RP-3",
        {(KOREAN, 1)},
    ),
]


@pytest.mark.requires("PS3.18 10.6.1.2.2")
@pytest.mark.parametrize(("keyword", "tag", "value", "found"), SERIES_KEYS)
def test_series_are_found_by_each_attribute_by_keyword_and_by_tag(
    search: TestClient, keyword: str, tag: str, value: str, found: set[tuple[int, int]]
) -> None:
    expected = {uid(*numbers) for numbers in found}
    for name in (keyword, tag):
        answer = search.get(f"/dicom-web/series?{name}={quote(value)}")
        assert {match["0020000E"]["Value"][0] for match in answer.json()} == expected


INSTANCE_KEYS = [
    ("SOPClassUID", "00080016", CT_IMAGE, {1: {1, 9, 10}, 2: {1}}),
    ("SOPInstanceUID", "00080018", uid(GERMAN, 1, 9), {1: {9}}),
    ("InstanceNumber", "00200013", "010", {1: {10}}),
    ("Rows", "00280010", "8", {1: {1, 9, 10}, 2: {1}}),
]


@pytest.mark.requires("PS3.18 10.6.1.2.3")
@pytest.mark.parametrize(("keyword", "tag", "value", "found"), INSTANCE_KEYS)
def test_instances_are_found_by_each_attribute_by_keyword_and_by_tag(
    search: TestClient, keyword: str, tag: str, value: str, found: dict[int, set[int]]
) -> None:
    expected = {uid(GERMAN, series, n) for series, numbers in found.items() for n in numbers}
    for name in (keyword, tag):
        answer = search.get(f"/dicom-web/studies/{uid(GERMAN)}/instances?{name}={value}")
        assert {match["00080018"]["Value"][0] for match in answer.json()} == expected


MATCHING = [
    pytest.param("", SHOWN, id="universal"),
    pytest.param("PatientName=", SHOWN, id="empty value"),
    pytest.param("PatientName=*", SHOWN, id="a star"),
    pytest.param("StudyDate=", SHOWN, id="empty date finds what has none"),
    pytest.param("AccessionNumber=*", SHOWN, id="a star finds what has none"),
    pytest.param("PatientID=nobody", set(), id="no match"),
    pytest.param("PatientID=mrn-001", {GERMAN}, id="text without case"),
    pytest.param("PatientID=MRN", set(), id="a part alone is no match"),
    pytest.param("PatientID=MRN*", SHOWN, id="wildcard at the end"),
    pytest.param("PatientID=*00?", SHOWN, id="wildcards at both ends"),
    pytest.param("PatientID=MRN?001", {GERMAN}, id="one character"),
    pytest.param("PatientID=MRN%3F%3F001", set(), id="not two characters"),
    pytest.param("PatientID=****MRN****2****", {JAPANESE}, id="runs of stars"),
    pytest.param("PatientID=mrn_004", {GREEK}, id="an underscore is itself"),
    pytest.param("PatientID=MRN_00*", {GREEK}, id="an underscore is no wildcard"),
    pytest.param("StudyDescription=*100%25", {GERMAN}, id="a percent sign is itself"),
    pytest.param("StudyDescription=%25", set(), id="a percent sign is no wildcard"),
    pytest.param("StudyDescription=KNEE%2C%20LEFT%20100%25", {GERMAN}, id="a comma in text"),
    pytest.param("AccessionNumber=A1%2CA3", {GERMAN, KOREAN}, id="list by comma"),
    pytest.param("AccessionNumber=A1%5CA3", {GERMAN, KOREAN}, id="list by backslash"),
    pytest.param("AccessionNumber=ACME%2CInc", {GREEK}, id="a comma in a value"),
    pytest.param("AccessionNumber=A1&AccessionNumber=A2", {GERMAN, JAPANESE}, id="repeated key"),
    pytest.param("AccessionNumber=A1&00080050=A1", {GERMAN}, id="repeated as tag"),
    pytest.param("AccessionNumber=A1&PatientID=MRN-002", set(), id="keys are and-ed"),
    pytest.param(f"StudyInstanceUID={uid(1)},{uid(3)}", {GERMAN, KOREAN}, id="UIDs by comma"),
    pytest.param(f"StudyInstanceUID={uid(1)}%5C{uid(3)}", {GERMAN, KOREAN}, id="UIDs, backslash"),
    pytest.param("ModalitiesInStudy=CT", CT_STUDIES, id="one modality of several"),
    pytest.param("ModalitiesInStudy=SR%2CMR", {GERMAN, JAPANESE}, id="any of the modalities"),
    pytest.param("ModalitiesInStudy=ct%5CMR", {*CT_STUDIES, JAPANESE}, id="modalities, backslash"),
    pytest.param("ModalitiesInStudy=C*", CT_STUDIES, id="modality with wildcard"),
    pytest.param("Modality=SR", {GERMAN}, id="studies by the modality of a series"),
    pytest.param("SOPClassUID=" + CT_IMAGE, CT_STUDIES, id="studies by what is in them"),
    pytest.param(f"SeriesInstanceUID={uid(1, 2)}", {GERMAN}, id="the study of a series"),
    pytest.param(
        "RequestAttributesSequence.ScheduledProcedureStepID=SPS-1,SPS-3",
        {GERMAN, KOREAN},
        id="studies by a path",
    ),
    pytest.param("00400275.00400009=SPS-1", {GERMAN}, id="path of tags"),
    pytest.param("StudyID=s1&includedefaults=false&_=17", {GERMAN}, id="others' extras"),
]


@pytest.mark.parametrize(("query", "found"), MATCHING)
def test_every_kind_of_key_finds_its_studies(
    search: TestClient, query: str, found: set[int]
) -> None:
    assert studies_of(search, query) == found


DATES = [
    ("StudyDate=20240115-20240220", {GERMAN, JAPANESE}),
    ("StudyDate=20240115-20240115", {GERMAN}),
    ("StudyDate=2024-01-15", {GERMAN}),
    ("StudyDate=2024-01-15-2024-02-20", {GERMAN, JAPANESE}),
    ("StudyDate=-20240114", {GREEK}),
    ("StudyDate=-20240115", {GREEK, GERMAN}),
    ("StudyDate=20240220-", {JAPANESE, KOREAN}),
    ("StudyDate=19700101-20231231", {GREEK}),
    ("StudyDate=20240315-20240101", set()),
    ("StudyTime=10", {GERMAN, KOREAN}),
    ("StudyTime=1015", {GERMAN, KOREAN}),
    ("StudyTime=10:15:00", {GERMAN, KOREAN}),
    ("StudyTime=093000.25", {JAPANESE}),
    ("StudyTime=093000", {JAPANESE}),
    ("StudyTime=0900-1014", {JAPANESE}),
    ("StudyTime=0900-1015", {GERMAN, JAPANESE, KOREAN}),
    ("StudyTime=2359-", {GREEK}),
    ("StudyTime=-0930", {JAPANESE}),
    ("StudyDate=20240115-20240220&StudyTime=1100-1000", {JAPANESE}),
]


@pytest.mark.parametrize(("query", "found"), DATES)
def test_dates_and_times_are_found_by_range_and_precision(
    search: TestClient, query: str, found: set[int]
) -> None:
    assert studies_of(search, query) == found


NAMES = [
    ("Müller^Jürgen^^Dr.", "", {GERMAN}),
    ("MÜLLER^JÜRGEN^^DR.", "", {GERMAN}),
    ("muller jurgen dr.", "", {GERMAN}),
    ("Muller, Jurgen, Dr.", "", {GERMAN}),
    ("Müller^Jürgen*", "", {GERMAN}),
    ("Mu\u0308ller*", "", {GERMAN, UNDATED}),
    ("*ürg*", "", {GERMAN}),
    ("Müller", "", set()),
    ("山田^太郎", "", {JAPANESE}),
    ("山田*", "", {JAPANESE}),
    ("*太郎*", "", {JAPANESE}),
    ("やまだ*", "", {JAPANESE}),
    ("ヤマダ*", "", set()),
    ("Yamada^Tarou=山田^太郎", "", {JAPANESE}),
    ("*tarou*", "", {JAPANESE}),
    ("洪^吉洞", "", {KOREAN}),
    ("홍*", "", {KOREAN}),
    ("*길동", "", {KOREAN}),
    ("ΔΙΟΝΥΣΙΟΣ", "", {GREEK}),
    ("διονύσιος", "", {GREEK}),
    ("*νυσ*", "", {GREEK}),
    ("Jürgen Müller", "&fuzzymatching=true", {GERMAN}),
    ("jur mul", "&fuzzymatching=true", {GERMAN}),
    ("*dr. müll*", "&fuzzymatching=true", {GERMAN}),
    ("Jürgen Müller", "&fuzzymatching=false", set()),
    ("meier", "&fuzzymatching=true", {UNDATED}),
    ("anna mei", "&fuzzymatching=true", {UNDATED}),
    ("eier", "&fuzzymatching=true", set()),
    ("太郎 山田", "&fuzzymatching=true", {JAPANESE}),
    ("길동", "&fuzzymatching=true", {KOREAN}),
    ("jurgen nobody", "&fuzzymatching=true", set()),
]


@pytest.mark.requires("PS3.4 C.2.2.2.1")
@pytest.mark.parametrize(("name", "more", "found"), NAMES)
def test_names_are_found_whatever_their_case_accents_and_script(
    search: TestClient, name: str, more: str, found: set[int]
) -> None:
    assert studies_of(search, f"PatientName={quote(name)}{more}") == found


def test_a_report_without_a_patient_neither_hides_nor_doubles_its_study(
    search: TestClient,
) -> None:
    (study,) = search.get(f"/dicom-web/studies?StudyInstanceUID={uid(GERMAN)}").json()
    assert study["00100020"]["Value"] == ["MRN-001"]
    assert study["00080061"]["Value"] == ["CT", "SR"]
    assert study["00201206"]["Value"] == [3]
    assert study["00201208"]["Value"] == [5]


@pytest.mark.parametrize("path", ["/studies", "/series", "/instances"])
def test_what_is_rejected_is_not_found(search: TestClient, path: str) -> None:
    query = f"StudyInstanceUID={uid(REJECTED)}"
    assert search.get(f"/dicom-web{path}?{query}").json() == []
    assert search.get(f"/dicom-web{path}/count?{query}").json() == {"count": 0}


OHIF = (
    "limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030"
)
VERBATIM = [
    (OHIF, SHOWN),
    (f"PatientName=*m%C3%BCller*&{OHIF}", CT_STUDIES),
    (f"PatientName=*MULLER%20J*&{OHIF}", {GERMAN}),
    (f"00100020=*001*&{OHIF}", {GERMAN}),
    (f"AccessionNumber=*A1*&{OHIF}", {GERMAN}),
    (f"StudyDescription=*knee*&{OHIF}", {GERMAN}),
    (f"ModalitiesInStudy=CT%2CMR&{OHIF}", {*CT_STUDIES, JAPANESE}),
    (f"{OHIF}&StudyDate=20240101-20240131", {GERMAN}),
    (f"{OHIF}&StudyDate=19700102-20240131", {GERMAN, GREEK}),
    (f"{OHIF}&StudyInstanceUID={uid(GERMAN)}", {GERMAN}),
    (f"{OHIF}&StudyInstanceUID={uid(GERMAN)}%5C{uid(GREEK)}", {GERMAN, GREEK}),
    (f"{OHIF}&StudyInstanceUID=9.9.9", set()),
    (f"00100020=MRN-002&{OHIF}", {JAPANESE}),
]


@pytest.mark.parametrize(("query", "found"), VERBATIM)
@pytest.mark.parametrize("root", ["/dicom-web", "/dcm4chee-arc/aets/FILMROOM/rs"])
def test_the_viewers_study_searches_are_answered_as_it_sends_them(
    search: TestClient, root: str, query: str, found: set[int]
) -> None:
    answer = search.get(f"{root}/studies?{query}", headers={"Accept": "application/dicom+json"})
    assert answer.status_code == 200
    assert {match["0020000D"]["Value"][0] for match in answer.json()} == {uid(n) for n in found}


@pytest.mark.parametrize(
    "include", ["0008103E%2C00080021", "00080021%2C00080031%2C0008103E%2C00200011"]
)
def test_the_viewers_series_lists_are_whole(search: TestClient, include: str) -> None:
    path = f"/dicom-web/studies/{uid(GERMAN)}/series?includefield={include}"
    found = search.get(path).json()
    assert [match["0020000E"]["Value"][0] for match in found] == [uid(GERMAN, n) for n in (1, 2, 3)]
    assert [match["00201209"]["Value"][0] for match in found] == [3, 1, 1]
    (one,) = search.get(f"{path}&SeriesInstanceUID={uid(GERMAN, 2)}").json()
    assert one["0008103E"]["Value"] == ["Soft tissue"]
