"""Nothing that names a patient is logged at INFO or above, whatever is asked."""

from __future__ import annotations

import logging

import pytest
from starlette.testclient import TestClient
from store_requests import RELATED, framed

from filmroom.testing.objects import ct_slice, report, uid

NAMES = ("Zzyzx", "MRN4711", "19111111", "Qwertz")
PATIENT = {
    "PatientName": "Zzyzx^Doe",
    "PatientID": "MRN4711",
    "PatientBirthDate": "19111111",
    "ReferringPhysicianName": "Qwertz^Doctor",
}
INSTANCE = f"studies/{uid(1)}/series/{uid(1, 1)}/instances/{uid(1, 1, 1)}"
REQUESTS = [
    ("GET", "/dicom-web/studies?PatientName=Zzyzx*&PatientBirthDate=19111111"),
    ("GET", "/dicom-web/studies?PatientID=MRN4711&fuzzymatching=true&Nonsense=Qwertz"),
    ("GET", "/dicom-web/studies?PatientBirthDate=19111111-Zzyzx"),
    ("GET", "/dicom-web/studies/Zzyzx"),
    ("GET", "/Zzyzx/MRN4711"),
    ("GET", f"/dicom-web/{INSTANCE}/metadata"),
    ("GET", f"/dicom-web/{INSTANCE}"),
    ("GET", f"/dicom-web/{INSTANCE}/frames/1"),
    ("GET", f"/dicom-web/{INSTANCE}/frames/Zzyzx"),
    ("GET", f"/dicom-web/{INSTANCE}/rendered"),
    ("GET", f"/wado?requestType=WADO&studyUID=Zzyzx&objectUID={uid(1, 1, 1)}"),
    ("POST", f"/dicom-web/{INSTANCE}/reject/Zzyzx%5EDCM"),
    ("GET", "/api/changes?since=Zzyzx"),
    ("POST", "/api/restore"),
    ("DELETE", f"/dicom-web/studies/{uid(1)}"),
    ("BREW", "/dicom-web/studies?PatientName=Zzyzx"),
    ("GET", "/ui/"),
    ("GET", "/metrics"),
]


def test_no_log_line_names_a_patient(web: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "filmroom"):
        for body in (
            framed(ct_slice(**PATIENT)),
            framed(ct_slice(**PATIENT, SeriesDescription="Other bytes"), report()),
            framed(ct_slice(2, **PATIENT))[:-400],
            framed(b"Zzyzx MRN4711"),
        ):
            web.post("/dicom-web/studies", content=body, headers={"Content-Type": RELATED})
        for method, target in REQUESTS:
            web.request(method, target)

    ours = [record for record in caplog.records if record.name.startswith(("filmroom", "uvicorn"))]
    assert len(ours) >= len(REQUESTS)
    for record in ours:
        assert not [name for name in NAMES if name in str(record.__dict__)]
