"""Store transaction (PS3.18 §10.5)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient
from store_requests import BOUNDARY, RELATED, framed

from filmroom.core.archive import Archive
from filmroom.settings import Settings
from filmroom.settings.storing import OnConflict
from filmroom.testing.objects import CT_IMAGE, ct_slice, header, part10, report, uid

ROOT = "http://127.0.0.1:8042/dicom-web"
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"

pytestmark = pytest.mark.requires("PS3.18 10.5")


def post(web: TestClient, body: bytes, content_type: str = RELATED, path: str = "", **headers: str):
    return web.post(
        f"/dicom-web/studies{path}",
        content=body,
        headers={"Content-Type": content_type, **headers},
    )


def held(archive: Archive) -> list[bytes]:
    """The bytes of every instance, by key."""
    return [archive.storage.read(one.key) for one in archive.index.located()]


def test_an_instance_is_kept_byte_for_byte(web: TestClient, archive: Archive) -> None:
    sent = part10(ct_slice())

    answer = post(web, framed(sent))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    assert held(archive) == [sent]


def test_the_answer_references_what_was_stored(web: TestClient) -> None:
    answer = post(web, framed(ct_slice(1, 1, 1), ct_slice(1, 1, 2)))

    study, series = uid(1), uid(1, 1)
    assert answer.json() == {
        "00081190": {"vr": "UR", "Value": [f"{ROOT}/studies/{study}"]},
        "00081199": {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {"vr": "UI", "Value": [CT_IMAGE]},
                    "00081155": {"vr": "UI", "Value": [uid(1, 1, n)]},
                    "00081190": {
                        "vr": "UR",
                        "Value": [
                            f"{ROOT}/studies/{study}/series/{series}/instances/{uid(1, 1, n)}"
                        ],
                    },
                }
                for n in (1, 2)
            ],
        },
    }


def test_instances_of_several_studies_are_referenced_without_a_study_of_their_own(
    web: TestClient,
) -> None:
    module = post(web, framed(ct_slice(1), ct_slice(2))).json()

    assert "00081190" not in module
    assert [item["00081155"]["Value"] for item in module["00081199"]["Value"]] == [
        [uid(1, 1, 1)],
        [uid(2, 1, 1)],
    ]


def test_the_same_instance_again_changes_nothing(web: TestClient, archive: Archive) -> None:
    first = post(web, framed(ct_slice()))
    again = post(web, framed(ct_slice()))

    assert (again.status_code, again.json()) == (200, first.json())
    assert archive.index.counts().instances == 1
    assert len(archive.index.changes()) == 1


def test_the_same_instance_twice_in_one_request_is_stored_once(
    web: TestClient, archive: Archive
) -> None:
    answer = post(web, framed(ct_slice(), ct_slice()))

    assert answer.status_code == 200
    assert len(answer.json()["00081199"]["Value"]) == 2
    assert archive.index.counts().instances == 1


def test_the_same_uids_with_other_bytes_keep_the_first_and_warn(
    web: TestClient, archive: Archive
) -> None:
    first = part10(ct_slice())
    post(web, framed(first))

    answer = post(web, framed(ct_slice(SeriesDescription="Another")))

    assert answer.status_code == 202
    (item,) = answer.json()["00081199"]["Value"]
    assert item["00081196"] == {"vr": "US", "Value": [0xB000]}
    assert held(archive) == [first]
    assert archive.index.counts().aside == 1


def test_one_bad_part_among_good_ones_fails_alone(web: TestClient, archive: Archive) -> None:
    answer = post(web, framed(ct_slice(1), b"no DICOM at all", ct_slice(2)))

    assert answer.status_code == 202
    assert len(answer.json()["00081199"]["Value"]) == 2
    (other,) = answer.json()["0008119A"]["Value"]
    assert other["00081197"] == {"vr": "US", "Value": [0xC000]}
    assert archive.index.counts().instances == 2


def test_when_every_part_failed_the_answer_is_a_conflict(web: TestClient, archive: Archive) -> None:
    answer = post(web, framed(b"nothing", b"", b"again nothing"))

    assert answer.status_code == 409
    assert len(answer.json()["0008119A"]["Value"]) == 3
    assert archive.index.counts().instances == 0
    assert list(archive.storage.blobs()) == []


def test_an_instance_of_another_study_than_the_path_names_fails_by_name(web: TestClient) -> None:
    answer = post(web, framed(ct_slice(1), ct_slice(2)), path=f"/{uid(1)}")

    assert answer.status_code == 202
    (item,) = answer.json()["00081198"]["Value"]
    assert item["00081150"]["Value"] == [CT_IMAGE]
    assert item["00081155"]["Value"] == [uid(2, 1, 1)]
    assert item["00081197"]["Value"] == [0xA900]
    assert answer.json()["00081190"]["Value"] == [f"{ROOT}/studies/{uid(1)}"]


def test_an_instance_without_uids_fails(web: TestClient) -> None:
    answer = post(web, framed(part10(header(StudyInstanceUID=None))))

    assert answer.status_code == 409


def test_a_report_without_a_patient_joins_its_study(web: TestClient, archive: Archive) -> None:
    post(web, framed(ct_slice()))

    assert post(web, framed(report())).status_code == 200

    (study,) = web.get("/dicom-web/studies", params={"includefield": "all"}).json()
    assert study["00100020"]["Value"] == ["ID1"]
    assert set(study["00080061"]["Value"]) == {"CT", "SR"}
    assert archive.index.counts().studies == 1


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param(RELATED, id="quoted"),
        pytest.param(f"multipart/related; type=application/dicom; boundary={BOUNDARY}", id="plain"),
        pytest.param(f"multipart/related;boundary={BOUNDARY};type=APPLICATION/dicom", id="order"),
        pytest.param(f"multipart/related; boundary={BOUNDARY}", id="without type"),
        pytest.param(
            f'Multipart/Related; Type="application/dicom"; Boundary={BOUNDARY}', id="case"
        ),
        pytest.param(RELATED + "; start=<a@b>; charset=utf-8", id="more parameters"),
    ],
)
def test_the_content_type_is_read_as_it_is_written(web: TestClient, content_type: str) -> None:
    assert post(web, framed(ct_slice()), content_type).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda b: b, id="CRLF first, none last"),
        pytest.param(lambda b: b.lstrip() + b"\r\n", id="none first, CRLF last"),
        pytest.param(lambda b: b"a preamble" + b + b"\r\nan epilogue", id="text around"),
    ],
)
def test_the_frame_may_be_loose(web: TestClient, archive: Archive, body) -> None:
    assert post(web, body(framed(ct_slice()))).status_code == 200
    assert held(archive) == [part10(ct_slice())]


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "Content-Type: application/dicom; transfer-syntax=1.2.840.10008.1.2.1\r\n",
        "content-type:application/dicom\r\nContent-Length: 7\r\nContent-Location: x\r\n",
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n",
        "MIME-Version: 1.0\r\nContent-ID: <1>\r\nContent-Type: application/dicom\r\n",
    ],
)
def test_a_parts_headers_may_say_little_or_much(web: TestClient, headers: str) -> None:
    assert post(web, framed(ct_slice(), headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Type: application/dicom+json\r\n",
        "Content-Type: image/jpeg\r\n",
        "Content-Type: application/dicom\r\nContent-Transfer-Encoding: base64\r\n",
        "Content-Type: application/dicom\r\nContent-Encoding: gzip\r\n",
    ],
)
def test_a_part_that_is_no_plain_instance_fails(
    web: TestClient, archive: Archive, headers: str
) -> None:
    answer = post(web, framed(ct_slice(), headers=headers))

    assert answer.status_code == 409
    assert len(answer.json()["0008119A"]["Value"]) == 1
    assert archive.index.counts().instances == 0


def test_a_body_may_be_one_instance_alone(web: TestClient, archive: Archive) -> None:
    assert post(web, part10(ct_slice()), "application/dicom").status_code == 200
    assert held(archive) == [part10(ct_slice())]


def test_a_body_may_come_in_chunks_without_a_length(web: TestClient, archive: Archive) -> None:
    body = framed(ct_slice(1), ct_slice(2))

    def chunks() -> Iterator[bytes]:
        for at in range(0, len(body), 100):
            yield body[at : at + 100]

    answer = web.post("/dicom-web/studies", content=chunks(), headers={"Content-Type": RELATED})

    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert answer.status_code == 200
    assert archive.index.counts().instances == 2


def test_an_instance_larger_than_many_batches_is_kept(web: TestClient, archive: Archive) -> None:
    sent = part10(ct_slice(size=2000))
    assert len(sent) > 7 * 2**20

    assert post(web, framed(sent, ct_slice(2))).status_code == 200
    assert sorted(map(len, held(archive)))[1] == len(sent)


def test_the_answer_is_xml_if_that_is_asked_for(web: TestClient) -> None:
    answer = post(web, framed(ct_slice(), b"junk"), Accept="application/dicom+xml")

    assert answer.status_code == 202
    assert answer.headers["content-type"] == "application/dicom+xml"
    document = ElementTree.fromstring(answer.content)  # noqa: S314 -- our own answer
    referenced = document.find(f"{NATIVE}DicomAttribute[@tag='00081199']")
    assert referenced is not None
    assert referenced.get("keyword") == "ReferencedSOPSequence"
    uids = [value.text for value in referenced.iter(f"{NATIVE}Value")]
    assert uids[:2] == [CT_IMAGE, uid(1, 1, 1)]


def test_the_accept_parameter_counts_as_well(web: TestClient) -> None:
    answer = post(web, framed(ct_slice()), path="?accept=application/dicom+xml")

    assert answer.headers["content-type"] == "application/dicom+xml"


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/dicom+json", "application/json", "text/html, */*;q=0.1"]
)
def test_the_answer_is_json_otherwise(web: TestClient, accept: str) -> None:
    answer = post(web, framed(ct_slice()), Accept=accept)

    assert answer.headers["content-type"] == "application/dicom+json"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("", 415),
        ("text/plain", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/dicom+json", 415),
        ('multipart/related; type="application/dicom+json"; boundary=x', 415),
        ('multipart/related; type="application/dicom+xml"; boundary=x', 415),
        ("multipart/related", 400),
        ('multipart/related; type="application/dicom"; boundary=""', 400),
        (f'multipart/related; type="application/dicom"; boundary={"x" * 300}', 400),
        ('multipart/related; type="application/dicom"; boundary="not this one"', 400),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(
    web: TestClient, archive: Archive, content_type: str, status: int
) -> None:
    answer = post(web, framed(ct_slice()), content_type)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert archive.index.counts().instances == 0


def test_an_encoded_body_is_an_unsupported_type(web: TestClient) -> None:
    answer = post(web, framed(ct_slice()), **{"Content-Encoding": "gzip"})

    assert answer.status_code == 415


@pytest.mark.parametrize("body", [b"", b"\r\n", f"--{BOUNDARY}--".encode()])
def test_a_request_without_an_instance_is_a_bad_one(web: TestClient, body: bytes) -> None:
    assert post(web, body).status_code == 400


def test_an_empty_body_is_no_instance(web: TestClient) -> None:
    assert post(web, b"", "application/dicom").status_code == 400


def test_a_cut_body_keeps_its_complete_parts_and_says_that_the_rest_is_lost(
    web: TestClient, archive: Archive
) -> None:
    body = framed(ct_slice(1), ct_slice(2))

    answer = post(web, body[: -len(part10(ct_slice(2))) // 2])

    assert answer.status_code == 202
    assert len(answer.json()["00081199"]["Value"]) == 1
    assert len(answer.json()["0008119A"]["Value"]) == 1
    assert held(archive) == [part10(ct_slice(1))]


def test_a_body_cut_in_its_only_part_is_a_bad_request(web: TestClient, archive: Archive) -> None:
    answer = post(web, framed(ct_slice())[:-200])

    assert answer.status_code == 400
    assert answer.json()["detail"] == "the body ends within part 1: no closing boundary"
    assert list(archive.storage.blobs()) == []


@pytest.mark.parametrize("study", ["..", "abc", "1.2/../3", "1" * 65, "1.2'--"])
def test_a_path_without_a_uid_stores_nothing(web: TestClient, archive: Archive, study: str) -> None:
    quoted = study.replace("/", "%2F").replace("..", "%2E%2E")

    answer = post(web, framed(ct_slice()), path=f"/{quoted}")

    assert answer.status_code in (400, 404, 405)
    assert archive.index.counts().instances == 0


def test_the_door_is_also_at_dcm4chees_address(web: TestClient) -> None:
    answer = web.post(
        "/dcm4chee-arc/aets/DCM4CHEE/rs/studies",
        content=framed(ct_slice()),
        headers={"Content-Type": RELATED},
    )

    assert answer.status_code == 200
    assert answer.json()["00081190"]["Value"] == [
        f"http://127.0.0.1:8042/dcm4chee-arc/aets/DCM4CHEE/rs/studies/{uid(1)}"
    ]


class TestWithSmallLimits:
    """What a request may take is bounded by settings."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        small = {"max_instance": 2000, "max_parts": 3, "max_part_headers": 2}
        return settings.model_copy(update=small)

    def test_a_large_instance_is_too_large(self, web: TestClient, archive: Archive) -> None:
        answer = post(web, framed(ct_slice(size=100)))

        assert answer.status_code == 413
        assert len(answer.json()["0008119A"]["Value"]) == 1
        assert list(archive.storage.blobs()) == []

    def test_a_large_instance_fails_alone(self, web: TestClient, archive: Archive) -> None:
        answer = post(web, framed(ct_slice(1, size=100), ct_slice(2)))

        assert answer.status_code == 202
        assert answer.json()["0008119A"]["Value"][0]["00081197"]["Value"] == [0xA700]
        assert archive.index.counts().instances == 1

    def test_parts_over_the_limit_are_not_read(self, web: TestClient, archive: Archive) -> None:
        answer = post(web, framed(*(ct_slice(n) for n in range(1, 6))))

        assert answer.status_code == 202
        assert len(answer.json()["00081199"]["Value"]) == 3
        assert len(answer.json()["0008119A"]["Value"]) == 1
        assert archive.index.counts().instances == 3

    def test_header_lines_over_the_limit_are_too_large(self, web: TestClient) -> None:
        assert post(web, framed(ct_slice(), headers="A: b\r\n" * 3)).status_code == 413


class TestOnAFullDisk:
    """A full disk is an honest refusal, and reading goes on."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"disk_reserve": 1 << 60})

    def test_nothing_is_stored_and_the_sender_told_to_come_again(self, web: TestClient) -> None:
        answer = post(web, framed(ct_slice()))

        assert answer.status_code == 507
        assert answer.headers["retry-after"] == "5"
        assert answer.json()["0008119A"]["Value"][0]["00081197"]["Value"] == [0xA700]
        assert web.get("/dicom-web/studies").json() == []
        assert web.get("/health/ready").json() == {"status": "ready", "storing": False}


class TestRefusing:
    """The setting `on_conflict = refuse`."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"on_conflict": OnConflict.REFUSE})

    def test_other_bytes_are_refused_as_a_duplicate(self, web: TestClient) -> None:
        post(web, framed(ct_slice()))

        answer = post(web, framed(ct_slice(SeriesDescription="Another")))

        assert answer.status_code == 409
        (item,) = answer.json()["00081198"]["Value"]
        assert item["00081155"]["Value"] == [uid(1, 1, 1)]
        assert item["00081197"]["Value"] == [0x0111]


def test_no_slot_stays_taken(web: TestClient, archive: Archive) -> None:
    post(web, framed(ct_slice(), b"junk", ct_slice(2)))
    post(web, framed(ct_slice(3))[:-100])

    for _ in range(archive.settings.store_writers):
        assert archive.writers.acquire(blocking=False)
    assert not archive.writers.acquire(blocking=False)
