"""C-FIND, what matches and how it is answered (PS3.4 §C.4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from dimse_asking import (
    EXPLICIT_BIG,
    IMPLICIT,
    PATIENT_ROOT,
    PATIENT_STUDY_ONLY,
    STUDY_ROOT,
    answers,
    ask,
    asking,
    c_find,
    find_request,
    identifier,
    response,
    written,
)
from dimse_door import Address, opened
from filmroom.association.connection import Connection
from filmroom.association.messages import cancel_of
from filmroom.testing.objects import CT_IMAGE, uid
from filmroom.web.app import build
from search_archive import (
    BACKENDS,
    GERMAN,
    GREEK,
    JAPANESE,
    KOREAN,
    SHOWN,
    UNDATED,
    filled,
)

EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"


@pytest.fixture(scope="module", params=BACKENDS)
def doors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    with (
        filled(request.param, tmp_path_factory.mktemp("c_find")) as archive,
        TestClient(build(archive), base_url="http://127.0.0.1:8042") as web,
        opened(archive) as address,
    ):
        yield web, address


@pytest.fixture
def web(doors: tuple[TestClient, Address]) -> TestClient:
    return doors[0]


@pytest.fixture
def address(doors: tuple[TestClient, Address]) -> Address:
    return doors[1]


@pytest.fixture
def association(address: Address) -> Iterator[Connection]:
    connection, _ = asking(address)
    with connection:
        yield connection
        assert connection.release()


def numbers(found: list[Dataset]) -> list[int]:
    """Numbers of the studies that were found."""
    uids = [told.StudyInstanceUID for told in found]
    assert len(set(uids)) == len(uids)
    return sorted(number for number in range(10) if uid(number) in uids)


BOTH = [
    pytest.param({}, SHOWN, id="universal"),
    pytest.param({"PatientID": "MRN-001"}, {GERMAN}, id="single value"),
    pytest.param({"PatientID": "MRN*"}, SHOWN, id="wildcard"),
    pytest.param({"PatientID": "MRN-00?"}, {GERMAN, JAPANESE, KOREAN}, id="any one character"),
    pytest.param({"PatientName": "Müller^Jürgen*"}, {GERMAN}, id="accents"),
    pytest.param({"PatientName": "muller^jurgen^^dr."}, {GERMAN}, id="no accents"),
    pytest.param({"PatientName": "山田^太郎"}, {JAPANESE}, id="Japanese"),
    pytest.param({"PatientName": "やまだ*"}, {JAPANESE}, id="Japanese, phonetic"),
    pytest.param({"PatientName": "홍^길동"}, {KOREAN}, id="Korean"),
    pytest.param({"PatientName": "洪*"}, {KOREAN}, id="Korean, ideographic"),
    pytest.param({"PatientName": "Διονυσιος"}, {GREEK}, id="Greek"),
    pytest.param({"StudyDate": "20240115-"}, {GERMAN, JAPANESE, KOREAN}, id="from a day"),
    pytest.param({"StudyDate": "-20240115"}, {GERMAN, GREEK}, id="to a day"),
    pytest.param({"StudyDate": "20240115-20240220"}, {GERMAN, JAPANESE}, id="range"),
    pytest.param({"StudyTime": "1000-1030"}, {GERMAN, KOREAN}, id="range of times"),
    pytest.param({"ModalitiesInStudy": "CT\\MR"}, {GERMAN, JAPANESE, UNDATED}, id="any of"),
    pytest.param({"StudyInstanceUID": f"{uid(1)}\\{uid(3)}"}, {GERMAN, KOREAN}, id="UIDs"),
    pytest.param({"SOPClassesInStudy": CT_IMAGE}, {GERMAN, UNDATED}, id="classes in study"),
    pytest.param({"StudyDescription": "knee*100%"}, {GERMAN}, id="text"),
    pytest.param({"AccessionNumber": "ACME,Inc"}, {GREEK}, id="a comma"),
    pytest.param({"Modality": "SR"}, {GERMAN}, id="of a series"),
    pytest.param({"PatientID": "nobody"}, set(), id="no match"),
]


@pytest.mark.requires("PS3.4 C.2.2.2", "PS3.4 C.4.1")
@pytest.mark.parametrize(("keys", "studies"), BOTH)
def test_both_doors_find_the_same_studies(
    keys: dict[str, str], studies: set[int], web: TestClient, association: Connection
) -> None:
    query = "&".join(f"{keyword}={quote(value)}" for keyword, value in keys.items())
    by_qido = web.get(f"/dicom-web/studies?{query}").json()
    told = {} if all(value.isascii() for value in keys.values()) else {"SpecificCharacterSet": UTF}
    by_c_find = c_find(association, "STUDY", **told, **{"StudyInstanceUID": ""} | keys)

    assert numbers(by_c_find) == sorted(studies)
    assert [told.StudyInstanceUID for told in by_c_find] == [
        match["0020000D"]["Value"][0] for match in by_qido
    ]


UTF = "ISO_IR 192"


@pytest.mark.requires("PS3.4 C.4.1.1.3.2")
def test_an_answer_holds_what_was_asked_for_and_no_more(association: Connection) -> None:
    (found,) = c_find(
        association,
        "STUDY",
        PatientID="MRN-001",
        PatientName="",
        StudyDate="",
        IssuerOfPatientID="",
        ModalitiesInStudy="",
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
        SOPClassesInStudy="",
        SpecificCharacterSet="ISO_IR 100",
    )

    assert found.to_json_dict() == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
        "00080020": {"vr": "DA", "Value": ["20240115"]},
        "00080052": {"vr": "CS", "Value": ["STUDY"]},
        "00080054": {"vr": "AE", "Value": ["FILMROOM"]},
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "00080061": {"vr": "CS", "Value": ["CT", "SR"]},
        "00080062": {"vr": "UI", "Value": [CT_IMAGE, "1.2.840.10008.5.1.4.1.1.88.33"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^Jürgen^^Dr."}]},
        "00100020": {"vr": "LO", "Value": ["MRN-001"]},
        "00100021": {"vr": "LO"},
        "0020000D": {"vr": "UI", "Value": [uid(GERMAN)]},
        "00201206": {"vr": "IS", "Value": [3]},
        "00201208": {"vr": "IS", "Value": [5]},
    }


CHARACTER_SETS = [
    ("ISO_IR 192", JAPANESE, "ISO_IR 192"),
    ("\\ISO 2022 IR 87", JAPANESE, "\\ISO 2022 IR 87"),
    ("ISO_IR 100", JAPANESE, "ISO_IR 192"),
    ("", JAPANESE, "ISO_IR 192"),
    ("", UNDATED, ""),
    ("\\ISO 2022 IR 149", KOREAN, "\\ISO 2022 IR 149"),
    ("ISO_IR 126", GREEK, "ISO_IR 126"),
    ("ISO_IR 100", GERMAN, "ISO_IR 100"),
    ("ISO_IR 100", GREEK, "ISO_IR 192"),
    ("GB18030", GREEK, "GB18030"),
]
ALL_NAMES = {
    GERMAN: "Müller^Jürgen^^Dr.",
    JAPANESE: "Yamada^Tarou=山田^太郎=やまだ^たろう",
    KOREAN: "Hong^Gildong=洪^吉洞=홍^길동",
    GREEK: "Διονυσιος",
    UNDATED: "Muller-Meier^Anna",
}


@pytest.mark.requires("PS3.4 C.2.2.2", "PS3.3 C.12.1.1.2")
@pytest.mark.parametrize(("asked", "study", "answered"), CHARACTER_SETS)
def test_answers_are_in_the_character_set_of_the_question_where_it_can_say_them(
    association: Connection, asked: str, study: int, answered: str
) -> None:
    charset = {"SpecificCharacterSet": asked.split("\\")} if asked else {}
    (found,) = c_find(association, "STUDY", StudyInstanceUID=uid(study), PatientName="", **charset)

    assert "\\".join(found.get("SpecificCharacterSet", "") and _terms(found)) == answered
    assert str(found.PatientName) == ALL_NAMES[study]


def _terms(found: Dataset) -> list[str]:
    terms = found.SpecificCharacterSet
    return [terms] if isinstance(terms, str) else [term or "" for term in terms]


@pytest.mark.requires("PS3.4 C.4.1")
@pytest.mark.parametrize(
    ("charset", "name", "study"),
    [
        ("ISO_IR 100", "Müller^J*", GERMAN),
        (["", "ISO 2022 IR 87"], "*=山田*", JAPANESE),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞", KOREAN),
        ("ISO_IR 126", "Διονυσιος", GREEK),
    ],
)
def test_a_name_is_found_in_any_character_set(
    association: Connection, charset: Any, name: str, study: int
) -> None:
    keys = {"SpecificCharacterSet": charset, "PatientName": name, "StudyInstanceUID": ""}
    assert numbers(c_find(association, "STUDY", **keys)) == [study]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, EXPLICIT_BIG])
def test_any_transfer_syntax_of_data_sets_will_do(address: Address, syntax: str) -> None:
    connection, _ = asking(address, syntax=syntax)
    with connection:
        found = c_find(connection, "SERIES", StudyInstanceUID=uid(GERMAN), SeriesNumber="2")
        assert [told.SeriesInstanceUID for told in found] == [uid(GERMAN, 2)]
        assert connection.release()


@pytest.mark.requires("PS3.4 C.6.2")
def test_series_and_instances_are_found_within_what_is_above(association: Connection) -> None:
    series = c_find(
        association,
        "SERIES",
        StudyInstanceUID=uid(GERMAN),
        SeriesInstanceUID="",
        Modality="CT",
        NumberOfSeriesRelatedInstances="",
        PatientName="",
    )
    assert [
        (one.SeriesInstanceUID, one.NumberOfSeriesRelatedInstances, str(one.PatientName))
        for one in series
    ] == [(uid(GERMAN, 1), 3, "Müller^Jürgen^^Dr."), (uid(GERMAN, 2), 1, "Müller^Jürgen^^Dr.")]
    assert {one.StudyInstanceUID for one in series} == {uid(GERMAN)}

    instances = c_find(
        association,
        "IMAGE",
        StudyInstanceUID=uid(GERMAN),
        SeriesInstanceUID=uid(GERMAN, 1),
        SOPInstanceUID="",
        SOPClassUID="",
        InstanceNumber="",
        Rows=None,
    )
    assert [one.InstanceNumber for one in instances] == [1, 9, 10]
    assert {one.SOPClassUID for one in instances} == {CT_IMAGE}
    assert {one.QueryRetrieveLevel for one in instances} == {"IMAGE"}


@pytest.mark.requires("PS3.4 C.4.1.3.2")
def test_relational_questions_need_no_unique_keys_above(address: Address) -> None:
    connection, accept = asking(address, extended=b"\1")
    with connection:
        assert [one.information for one in accept.user.extended] == [b"\1"]
        found = c_find(connection, "IMAGE", PatientID="MRN-001", Modality="SR", SOPInstanceUID="")
        assert [told.SOPInstanceUID for told in found] == [uid(GERMAN, 3, 1)]
        assert connection.release()


@pytest.mark.requires("PS3.4 C.5.1.1")
def test_extended_negotiation_is_answered_with_what_is_done(address: Address) -> None:
    connection, accept = asking(address, extended=b"\1\1\1\1\1\1\1")
    with connection:
        assert [one.information for one in accept.user.extended] == [b"\1\1\1\0\0\0\0"]
        assert connection.release()


@pytest.mark.requires("PS3.4 C.2.2.2.1")
def test_names_match_fuzzily_where_that_was_negotiated(address: Address) -> None:
    for extended, found in ((b"\0\0\1", [GERMAN]), (b"\1\0\0", []), (None, [])):
        connection, _ = asking(address, extended=extended)
        with connection:
            assert numbers(c_find(connection, "STUDY", PatientName="jurgen mull")) == found
            assert connection.release()


@pytest.mark.requires("PS3.4 C.2.2.2.5")
def test_dates_and_times_are_one_range_where_that_was_negotiated(address: Address) -> None:
    keys = {"StudyDate": "20240115-20240220", "StudyTime": "1000-1030"}
    for extended, found in ((b"\1\1", [GERMAN, JAPANESE]), (b"\1\0", [GERMAN]), (None, [GERMAN])):
        connection, _ = asking(address, extended=extended)
        with connection:
            assert numbers(c_find(connection, "STUDY", StudyInstanceUID="", **keys)) == found
            assert connection.release()


@pytest.mark.requires("PS3.4 C.2.2.2.6")
def test_sequences_are_matched_and_told_as_they_were_asked_for(association: Connection) -> None:
    item = Dataset()
    item.ScheduledProcedureStepID = "SPS-1"
    item.RequestedProcedureID = ""
    item.AccessionNumber = ""
    found = c_find(
        association, "SERIES", StudyInstanceUID=uid(GERMAN), RequestAttributesSequence=[item]
    )
    assert [told.SeriesInstanceUID for told in found] == [uid(GERMAN, 1)]
    assert [one.to_json_dict() for one in found[0].RequestAttributesSequence] == [
        {
            "00080050": {"vr": "SH"},
            "00400009": {"vr": "SH", "Value": ["SPS-1"]},
            "00401001": {"vr": "SH", "Value": ["RP-1"]},
        }
    ]
    whole = c_find(
        association, "SERIES", SeriesInstanceUID=uid(GERMAN, 1), RequestAttributesSequence=[]
    )
    assert whole[0].RequestAttributesSequence[0].ScheduledProcedureStepID == "SPS-1"


@pytest.mark.requires("PS3.4 C.6.1")
def test_patients_are_found_once_however_many_studies_they_have(address: Address) -> None:
    connection, _ = asking(address, PATIENT_ROOT)
    with connection:
        found = c_find(
            connection,
            "PATIENT",
            PatientID="",
            PatientName="",
            PatientBirthDate="",
            NumberOfPatientRelatedStudies="",
            NumberOfPatientRelatedSeries="",
            NumberOfPatientRelatedInstances="",
            SpecificCharacterSet=UTF,
        )
        told = {
            (
                one.PatientID,
                str(one.PatientName),
                one.NumberOfPatientRelatedStudies,
                one.NumberOfPatientRelatedSeries,
                one.NumberOfPatientRelatedInstances,
            )
            for one in found
        }
        assert told == {
            ("MRN-001", ALL_NAMES[GERMAN], 1, 3, 5),
            ("MRN-002", ALL_NAMES[JAPANESE], 1, 1, 1),
            ("MRN-003", ALL_NAMES[KOREAN], 1, 1, 1),
            ("mrn_004", ALL_NAMES[GREEK], 1, 1, 1),
            ("MRN*005", ALL_NAMES[UNDATED], 1, 1, 1),
        }
        assert not any("StudyInstanceUID" in one for one in found)
        assert connection.release()


@pytest.mark.requires("PS3.4 C.6.1")
def test_below_a_patient_its_studies_are_found(address: Address) -> None:
    for model in (PATIENT_ROOT, PATIENT_STUDY_ONLY):
        connection, _ = asking(address, model)
        with connection:
            found = c_find(connection, "STUDY", PatientID="MRN-002", StudyDate="")
            assert [(one.StudyInstanceUID, one.PatientID) for one in found] == [
                (uid(JAPANESE), "MRN-002")
            ]
            assert connection.release()


def test_keys_that_are_not_supported_are_said_to_be_ignored(association: Connection) -> None:
    for keys in ({"PatientInsurancePlanCodeSequence": []}, {"NumberOfStudyRelatedSeries": "7"}):
        ask(association, identifier("STUDY", PatientID="MRN-00*", **keys))
        assert [status for status, _ in answers(association)] == [0xFF01] * 3 + [0]


BAD = [
    ("STUDY_ROOT", {"level": "PATIENT"}, 0xA900),
    ("STUDY_ROOT", {"level": "NONSENSE"}, 0xA900),
    ("STUDY_ROOT", {"level": ""}, 0xA900),
    ("PATIENT_STUDY_ONLY", {"level": "SERIES"}, 0xA900),
    ("STUDY_ROOT", {"level": "STUDY", "StudyDate": "20241350"}, 0xC000),
    ("STUDY_ROOT", {"level": "STUDY", "StudyInstanceUID": "x"}, 0xC000),
    ("STUDY_ROOT", {"level": "STUDY", "PatientName": "a" * 65 + "*"}, 0xC000),
]
MODELS = {"STUDY_ROOT": STUDY_ROOT, "PATIENT_STUDY_ONLY": PATIENT_STUDY_ONLY}


@pytest.mark.requires("PS3.4 C.4.1.1.4")
@pytest.mark.parametrize(("model", "keys", "status"), BAD)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_cannot_be_asked_is_refused_and_the_association_goes_on(
    address: Address, model: str, keys: dict[str, str], status: int
) -> None:
    connection, _ = asking(address, MODELS[model])
    with connection:
        ask(connection, identifier(**keys))
        command, told = response(connection)
        assert (command.status, told) == (status, None)
        assert command.comment
        assert "20241350" not in command.comment
        assert len(c_find(connection, "STUDY", PatientID="MRN-001")) == 1
        assert connection.release()


def test_what_is_no_data_set_is_refused(association: Connection) -> None:
    whole = written(identifier("STUDY", PatientID="MRN-001"), IMPLICIT)
    ask(association, whole[:-3])
    command, _ = response(association)
    assert command.status == 0xC000


@pytest.mark.requires("PS3.7 9.3.2.3")
def test_a_cancel_ends_the_answers(association: Connection) -> None:
    (context,) = association.association.contexts.values()
    asked = written(identifier("STUDY", StudyInstanceUID=""), IMPLICIT)
    # With one system call, so that the cancel is there before the first answer is.
    association.send_messages(
        context.id, [(find_request(context.abstract_syntax, 7), [asked]), (cancel_of(7), [])]
    )
    assert [status for status, _ in answers(association)] == [0xFE00]
    # The number is free again, and what is asked under it is no longer cancelled.
    ask(association, asked, message_id=7)
    assert answers(association)[-1][0] == 0
    assert numbers(c_find(association, "STUDY", StudyInstanceUID="")) == sorted(SHOWN)


@pytest.mark.requires("PS3.7 9.3.2.3")
def test_a_cancel_that_comes_late_or_for_another_changes_nothing(association: Connection) -> None:
    assert numbers(c_find(association, "STUDY", StudyInstanceUID="")) == sorted(SHOWN)
    association.send_message(1, cancel_of(1))
    ask(association, identifier("STUDY", StudyInstanceUID=""), message_id=2)
    association.send_message(1, cancel_of(3))
    assert answers(association)[-1][0] == 0
