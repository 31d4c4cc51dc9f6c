"""What the services tell of themselves: how pictures can be asked for (PS3.18 §8.9)."""

from __future__ import annotations

from xml.etree import ElementTree

from starlette.testclient import TestClient

from filmroom.web.rendering_params import RENDERED_PARAMETERS, THUMBNAIL_PARAMETERS

SPACE = "{http://wadl.dev.java.net/2009/02}"
INSTANCE = "/studies/{study}/series/{series}/instances/{instance}"
PICTURES = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/jxl"]
LEVELS = ["/studies/{study}", "/studies/{study}/series/{series}", INSTANCE,
          INSTANCE + "/frames/{frames}"]  # fmt: skip


def test_pictures_tell_their_parameters_and_media_types(web: TestClient) -> None:
    told = {one["path"]: one for one in web.options("/dicom-web/").json()["resources"]}

    for level in LEVELS:
        assert told[f"{level}/rendered"] == {
            "path": f"{level}/rendered",
            "methods": ["GET", "HEAD"],
            "parameters": list(RENDERED_PARAMETERS),
            "mediaTypes": [*PICTURES, "application/pdf", "video/mp4"],
        }
        assert told[f"{level}/thumbnail"] == {
            "path": f"{level}/thumbnail",
            "methods": ["GET", "HEAD"],
            "parameters": list(THUMBNAIL_PARAMETERS),
            "mediaTypes": PICTURES,
        }
    assert set(told[INSTANCE]) == {"path", "methods"}


def test_pictures_tell_it_in_wadl(web: TestClient) -> None:
    answer = web.options("/dicom-web/", headers={"Accept": "application/vnd.sun.wadl+xml"})
    document = ElementTree.fromstring(answer.content)  # noqa: S314 -- our own answer

    (found,) = (
        one
        for one in document.iter(f"{SPACE}resource")
        if one.get("path") == "/studies/{study}/thumbnail"
    )
    method = found.find(f"{SPACE}method[@name='GET']")

    assert method is not None
    named = [one.get("name") for one in method.iterfind(f"{SPACE}request/{SPACE}param")]
    forms = [
        one.get("mediaType") for one in method.iterfind(f"{SPACE}response/{SPACE}representation")
    ]
    assert named == ["accept", "charset", "viewport"]
    assert forms == PICTURES
