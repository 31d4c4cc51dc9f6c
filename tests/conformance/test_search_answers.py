"""Search, how it is answered: attributes, pages, order, media types, headers (PS3.18 §10.6.3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import HTTP
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from filmroom.core.archive import Archive
from filmroom.core.delete import reject, restore
from filmroom.model.selection import Selection
from filmroom.testing.objects import uid
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

ROOT = "http://127.0.0.1:8042/dicom-web"
SPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


@pytest.fixture(scope="module", params=BACKENDS)
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    with filled(request.param, tmp_path_factory.mktemp("search")) as archive:
        yield archive


@pytest.fixture(scope="module")
def search(archive: Archive) -> Iterator[TestClient]:
    with TestClient(build(archive), base_url="http://127.0.0.1:8042") as client:
        client.headers["Accept"] = "application/dicom+json"
        yield client


def studies_in_order(client: TestClient, query: str) -> list[int]:
    answer = client.get(f"/dicom-web/studies?{query}")
    assert answer.status_code == 200, answer.text
    uids = [match["0020000D"]["Value"][0] for match in answer.json()]
    return [next(n for n in range(10) if uid(n) == found) for found in uids]


STUDY_TAGS = (
    "00080020 00080030 00080050 00080056 00080061 00080090 00081030 00081190 00100010 00100020"
    " 00100030 00100040 0020000D 00200010 00201206 00201208"
)
SERIES_TAGS = (
    "00080021 00080031 00080056 00080060 0008103E 00081190 0020000D 0020000E 00200011 00201209"
)
INSTANCE_TAGS = (
    "00080016 00080018 00080056 00081190 0020000D 0020000E 00200013 00280010 00280011 00280100"
)
ANSWERED = [
    (f"/studies?StudyInstanceUID={uid(GERMAN)}", STUDY_TAGS),
    (f"/studies/{uid(GERMAN)}/series?SeriesNumber=2", SERIES_TAGS),
    (f"/studies/{uid(GERMAN)}/series/{uid(GERMAN, 2)}/instances", INSTANCE_TAGS),
]


@pytest.mark.requires("PS3.18 10.6.3.3")
@pytest.mark.parametrize(("path", "tags"), ANSWERED)
def test_each_level_answers_with_its_attributes(search: TestClient, path: str, tags: str) -> None:
    (match,) = search.get(f"/dicom-web{path}").json()
    assert set(tags.split()) <= set(match)


PATHS = [
    ("/studies", 5),
    ("/series", 7),
    ("/instances", 9),
    (f"/studies/{uid(GERMAN)}/series", 3),
    (f"/studies/{uid(GERMAN)}/instances", 5),
    (f"/studies/{uid(GERMAN)}/series/{uid(GERMAN, 1)}/instances", 3),
    (f"/studies/{uid(99)}/series", 0),
    (f"/studies/{uid(GERMAN)}/series/{uid(JAPANESE, 1)}/instances", 0),
]


@pytest.mark.parametrize(("path", "count"), PATHS)
def test_every_path_finds_what_lies_below_it(search: TestClient, path: str, count: int) -> None:
    answer = search.get(f"/dicom-web{path}")
    assert (answer.status_code, len(answer.json())) == (200, count)
    assert answer.headers["X-Total-Count"] == str(count)
    assert search.get(f"/dicom-web{path}/count").json() == {"count": count}


RETRIEVE = [
    (f"/studies?StudyInstanceUID={uid(1)}", f"{ROOT}/studies/{uid(1)}"),
    (f"/series?SeriesInstanceUID={uid(1, 2)}", f"{ROOT}/studies/{uid(1)}/series/{uid(1, 2)}"),
    (
        f"/instances?SOPInstanceUID={uid(1, 2, 1)}",
        f"{ROOT}/studies/{uid(1)}/series/{uid(1, 2)}/instances/{uid(1, 2, 1)}",
    ),
]


@pytest.mark.parametrize(("path", "url"), RETRIEVE)
def test_a_match_says_where_it_can_be_retrieved(search: TestClient, path: str, url: str) -> None:
    (match,) = search.get(f"/dicom-web{path}").json()
    assert match["00081190"] == {"vr": "UR", "Value": [url]}
    assert match["00080056"] == {"vr": "CS", "Value": ["ONLINE"]}
    assert search.get(f"{url}/metadata").status_code == 200


def test_at_the_other_address_a_match_is_retrieved_from_there(search: TestClient) -> None:
    root = "http://127.0.0.1:8042/dcm4chee-arc/aets/FILMROOM/rs"
    (match,) = search.get(f"{root}/studies?PatientID=MRN-001").json()
    assert match["00081190"]["Value"] == [f"{root}/studies/{uid(GERMAN)}"]


def test_what_the_address_holds_is_quoted_again(search: TestClient) -> None:
    root = "/dcm4chee-arc/aets/A%20%22B%0A/rs"
    (match,) = search.get(f"{root}/studies?PatientID=MRN-001").json()
    url = f"http://127.0.0.1:8042{root}/studies/{uid(GERMAN)}"
    assert match["00081190"]["Value"] == [url]


INCLUDED = [
    ("", "001021C0", False),
    ("includefield=0008009C", "0008009C", False),
    ("includefield=BodyPartExamined", "00180015", True),
    ("includefield=00180050", "00180050", True),
    ("includefield=SliceThickness", "00180050", True),
    ("includefield=slicethickness%2CKVP", "00180050", True),
    ("includefield=KVP%5C00180050", "00180050", True),
    ("includefield=KVP&includefield=00180050", "00180050", True),
    ("includefield=(0018,0050)", "00180050", True),
    ("includefield=all", "00180050", True),
    ("includefield=all", "00080020", True),
    ("includefield=ALL", "00180050", True),
    ("includefield=00080020", "00080020", True),
    ("SliceThickness=", "00180050", True),
    ("SliceThickness=1", "00180050", True),
    ("RequestAttributesSequence=", "00400275", True),
    ("includefield=00400275.00400009", "00400275", True),
]


@pytest.mark.requires("PS3.18 8.3.4.3")
@pytest.mark.parametrize(("query", "tag", "there"), INCLUDED)
def test_more_attributes_are_answered_when_they_are_asked_for(
    search: TestClient, query: str, tag: str, there: bool
) -> None:
    path = f"/studies/{uid(GERMAN)}/series/{uid(GERMAN, 1)}/instances?InstanceNumber=1&{query}"
    answer = search.get(f"/dicom-web{path}")
    assert "Warning" not in answer.headers
    (match,) = answer.json()
    assert (tag in match) is there


@pytest.mark.parametrize("names", ["00080060", "PixelData", "00091001", "nonsense", "", "%00", ","])
def test_attributes_of_other_levels_and_unknown_ones_are_passed_over(
    search: TestClient, names: str
) -> None:
    plain = search.get("/dicom-web/studies").json()
    answer = search.get(f"/dicom-web/studies?includefield={names}")
    assert answer.status_code == 200
    assert answer.json() == plain
    assert "Warning" not in answer.headers


NEWEST_FIRST = [KOREAN, JAPANESE, GERMAN, GREEK, UNDATED]
ORDERS = [
    ("", NEWEST_FIRST),
    ("orderby=StudyDate", [GREEK, GERMAN, JAPANESE, KOREAN, UNDATED]),
    ("orderby=-StudyDate", [KOREAN, JAPANESE, GERMAN, GREEK, UNDATED]),
    ("orderby=00100020", [UNDATED, GERMAN, JAPANESE, KOREAN, GREEK]),
    ("orderby=-PatientID", [GREEK, KOREAN, JAPANESE, GERMAN, UNDATED]),
    ("orderby=PatientSex,-StudyDate", [GERMAN, KOREAN, JAPANESE, GREEK, UNDATED]),
    ("orderby=PatientSex&orderby=-StudyDate", [GERMAN, KOREAN, JAPANESE, GREEK, UNDATED]),
]


@pytest.mark.parametrize(("query", "order"), ORDERS)
def test_matches_come_newest_first_or_in_the_order_asked_for(
    search: TestClient, query: str, order: list[int]
) -> None:
    assert studies_in_order(search, query) == order


def test_instances_come_by_series_and_number(search: TestClient) -> None:
    found = search.get(f"/dicom-web/studies/{uid(GERMAN)}/instances").json()
    assert [match["00080018"]["Value"][0] for match in found] == [
        uid(GERMAN, *numbers) for numbers in ((1, 1), (1, 9), (1, 10), (2, 1), (3, 1))
    ]


PAGES = [
    ("limit=2", [KOREAN, JAPANESE], 3),
    ("limit=2&offset=2", [GERMAN, GREEK], 1),
    ("limit=2&offset=4", [UNDATED], 0),
    ("limit=5", NEWEST_FIRST, 0),
    ("offset=3", [GREEK, UNDATED], 0),
    ("offset=5", [], 0),
    ("offset=99999999999999999999999999", [], 0),
    ("limit=0", [], 5),
    ("limit=99999999999999999999999999", NEWEST_FIRST, 0),
    ("limit=&offset=", NEWEST_FIRST, 0),
    ("LIMIT=1", [KOREAN], 4),
]


@pytest.mark.requires("PS3.18 8.3.4.4")
@pytest.mark.parametrize(("query", "page", "left"), PAGES)
def test_pages_are_cut_and_what_remains_is_told(
    search: TestClient, query: str, page: list[int], left: int
) -> None:
    assert studies_in_order(search, query) == page
    headers = search.get(f"/dicom-web/studies?{query}").headers
    told = f'299 filmroom "There are {left} additional results that can be requested"'
    assert headers.get("Warning") == (told if left else None)
    assert headers["X-Total-Count"] == "5"


def test_counting_pays_no_heed_to_pages(search: TestClient) -> None:
    assert search.get("/dicom-web/studies/count?limit=1&offset=3").json() == {"count": 5}
    assert search.get("/dicom-web/studies/count?PatientID=MRN-*").json() == {"count": 3}


IGNORED = [
    ("PatientWeightX=70", "PatientWeightX"),
    ("PixelData=1", "PixelData"),
    ("00091001=1", "00091001"),
    ("NumberOfStudyRelatedInstances=3", "NumberOfStudyRelatedInstances"),
    ("foo=bar&baz=1", "foo, baz"),
    ("orderby=Foo,-StudyDate", "orderby Foo"),
    ("%22%0D%0AX-Injected%3A%201=1", "(unreadable)"),
    ("%3Cscript%3E=1", "(unreadable)"),
]


@pytest.mark.parametrize(("query", "named"), IGNORED)
def test_keys_that_are_not_supported_are_ignored_and_named(
    search: TestClient, query: str, named: str
) -> None:
    answer = search.get(f"/dicom-web/studies?{query}")
    assert len(answer.json()) == len(SHOWN)
    assert answer.headers["Warning"] == (
        f'299 filmroom "The following parameters are not supported and were ignored: {named}"'
    )


def test_of_very_many_ignored_keys_some_are_named(search: TestClient) -> None:
    query = "&".join(f"k{n}=1" for n in range(150))
    assert (
        search.get(f"/dicom-web/studies?{query}")
        .headers["Warning"]
        .endswith('k8, k9 and 140 more"')
    )


def test_empty_value_matching_is_said_not_to_be_done(search: TestClient) -> None:
    answer = search.get("/dicom-web/studies?emptyvaluematching=true&multiplevaluematching=true")
    assert answer.headers["Warning"] == (
        '299 filmroom "The emptyvaluematching parameter is not supported. '
        'Empty Value Matching has not been performed."'
    )


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
ACCEPTED = [
    ("application/dicom+json", "application/dicom+json"),
    ("application/json", "application/json"),
    ("application/dicom+json, application/json", "application/dicom+json"),
    ("*/*", "application/dicom+json"),
    ("application/*", "application/dicom+json"),
    (BROWSER, "application/dicom+json"),
    ("image/png, application/dicom+json;q=0.1", "application/dicom+json"),
    ("nonsense", "application/dicom+json"),
]


@pytest.mark.parametrize(("accept", "media_type"), ACCEPTED)
def test_matches_are_json_unless_xml_is_asked_for(
    search: TestClient, accept: str, media_type: str
) -> None:
    answer = search.get("/dicom-web/studies", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media_type)
    assert len(answer.json()) == len(SHOWN)


@pytest.mark.parametrize("accept", ["image/png", "text/html", "multipart/related; type=video/mp4"])
def test_what_matches_cannot_be_given_as_is_not_acceptable(search: TestClient, accept: str) -> None:
    answer = search.get("/dicom-web/studies", headers={"Accept": accept})
    assert answer.status_code == 406
    assert "application/dicom+json" in answer.json()["detail"]


XML = 'multipart/related; type="application/dicom+xml"'


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Accept": XML}, ""),
        ({"Accept": "*/*"}, "&accept=multipart%2Frelated%3B%20type%3Dapplication%2Fdicom%2Bxml"),
    ],
)
def test_xml_comes_as_a_part_for_each_match(
    search: TestClient, headers: dict[str, str], query: str
) -> None:
    answer = search.get(f"/dicom-web/studies?orderby=-StudyDate{query}", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(XML)
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    parts = list(message_from_bytes(head + answer.content, policy=HTTP).iter_parts())
    assert [part.get_content_type() for part in parts] == ["application/dicom+xml"] * 5
    roots = [ElementTree.fromstring(part.get_payload(decode=True)) for part in parts]  # noqa: S314
    assert [
        root.findtext(f"{SPACE}DicomAttribute[@keyword='StudyInstanceUID']/{SPACE}Value")
        for root in roots
    ] == [uid(number) for number in NEWEST_FIRST]
    name = roots[1].find(f"{SPACE}DicomAttribute[@keyword='PatientName']/{SPACE}PersonName")
    assert name is not None
    assert name.findtext(f"{SPACE}Ideographic/{SPACE}FamilyName") == "山田"


def test_one_match_may_be_a_document_of_its_own_and_several_may_not(search: TestClient) -> None:
    headers = {"Accept": "application/dicom+xml"}
    one = search.get("/dicom-web/studies?PatientID=MRN-001", headers=headers)
    assert one.headers["Content-Type"] == "application/dicom+xml"
    assert ElementTree.fromstring(one.content).tag == f"{SPACE}NativeDicomModel"  # noqa: S314
    several = search.get("/dicom-web/studies", headers=headers)
    assert several.status_code == 406
    assert "multipart/related" in several.json()["detail"]


def test_xml_without_a_match_is_no_content(search: TestClient) -> None:
    answer = search.get("/dicom-web/studies?PatientID=nobody", headers={"Accept": XML})
    assert (answer.status_code, answer.content) == (204, b"")


def test_json_without_a_match_is_an_empty_list(search: TestClient) -> None:
    answer = search.get("/dicom-web/studies?PatientID=nobody")
    assert (answer.status_code, answer.content) == (200, b"[]")


def test_json_holds_no_null_no_nan_and_no_element_without_a_value(search: TestClient) -> None:
    for path in ("/studies", "/series", "/instances"):
        answer = search.get(f"/dicom-web{path}?includefield=all")
        matches = json.loads(answer.content, parse_constant=pytest.fail)
        assert b"null" not in answer.content
        assert all(element.get("Value") for match in matches for element in match.values())


def test_an_answer_is_private_and_asked_for_again(search: TestClient) -> None:
    headers = search.get("/dicom-web/studies").headers
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Vary"] == "Accept, Accept-Encoding"


def test_what_has_not_changed_is_not_sent_again(search: TestClient, archive: Archive) -> None:
    url = "/dicom-web/studies?limit=2"
    first = search.get(url)
    again = search.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]

    tags = {first.headers["ETag"]}
    tags.add(search.get("/dicom-web/studies?limit=3").headers["ETag"])
    tags.add(search.get(url, headers={"Accept": "application/json"}).headers["ETag"])
    tags.add(search.get(url, headers={"Accept": XML}).headers["ETag"])
    tags.add(search.get(url, headers={"Host": "localhost:8042"}).headers["ETag"])
    assert len(tags) == 5

    reject(archive, Selection(uid(GREEK)), "113001^DCM", "test")
    try:
        changed = search.get(url, headers={"If-None-Match": first.headers["ETag"]})
        assert changed.status_code == 200
    finally:
        restore(archive, Selection(uid(GREEK)), "test")


def test_large_answers_are_packed_for_those_who_can_unpack(search: TestClient) -> None:
    packed = search.get("/dicom-web/instances", headers={"Accept-Encoding": "gzip"})
    plain = search.get("/dicom-web/instances", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert packed.headers["ETag"] == plain.headers["ETag"]
    small = search.get("/dicom-web/studies?limit=1", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in small.headers


def test_head_says_what_get_would(search: TestClient) -> None:
    answer = search.head("/dicom-web/studies")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["X-Total-Count"] == "5"
