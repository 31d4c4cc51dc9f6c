"""Whatever a data set says, drawing ends with a picture or with an error of ours."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import bulk, element, native
from test_annotations import PATIENT, TECHNIQUE
from test_covers import BOX, graphic, rectangle
from test_overlays import plane
from test_presentation import area, reference, sequence, state, voi

from filmroom.errors import ArchiveError
from filmroom.model.instance import Attributes
from filmroom.model.rendering import Annotation, IccProfile, Rendering, Viewport
from filmroom.pixels.draw import draw

RAMP = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)
LUT = {"00283002": element(16, 0, 16), "00283006": bulk(bytes(32))}


def untagged(attributes: dict[str, Any]) -> Attributes:
    return {tag.removeprefix("t"): found for tag, found in attributes.items()}


def full_image() -> Attributes:
    """An image that has something of everything."""
    bits = np.ones((64, 48))
    palette = {f"0028110{c}": element(256, 0, 8) for c in (1, 2, 3)}
    palette |= {f"0028120{c}": bulk(bytes(range(256))) for c in (1, 2, 3)}
    image, _ = native(RAMP)
    return {
        **image.attributes,
        **palette,
        **PATIENT,
        **TECHNIQUE,
        **untagged(plane(bits, e0015=element(1), e0051=element(1))),
        **untagged(rectangle(2, 40, 2, 40)),
        "00080018": element("1.2.3"),
        "00181610": element(20, 20),
        "00181612": element(10),
        "00181620": element(1, 1, 1, 40, 40, 40),
        "00280034": element(1, 2),
        "00280030": element(1, 2),
        "00280120": element(0),
        "00280121": element(5),
        "00281050": element(500),
        "00281051": element(900),
        "00281056": element("LINEAR"),
        "00281052": element(-100),
        "00281053": element(2),
        "00282000": bulk(b"profile"),
        "00283000": sequence(LUT),
        "00283010": sequence(LUT),
        "20500020": element("IDENTITY"),
        "52009229": sequence({"00289132": sequence(voi(5, 5))}),
        "52009230": sequence({"00289145": sequence({"00281053": element(3)})}),
    }


def full_state() -> Attributes:
    """A presentation state that has something of everything."""
    text = {"00700006": element("Text", vr="ST"), "00700015": element("Y"), **untagged(BOX)}
    text |= {"00700004": element("PIXEL"), "00700014": element(20, 30)}
    shapes = [
        graphic("POLYLINE", 1, 1, 20, 20, filled="Y"),
        graphic("INTERPOLATED", 1, 1, 20, 20, 30, 10),
        graphic("ELLIPSE", 1, 1, 20, 20, 5, 10, 10, 5),
        graphic("CIRCLE", 10, 10, 20, 20, units="DISPLAY"),
    ]
    layer = {
        "00700002": element("A"),
        "00700062": element(1),
        "00700066": element(9),
        "00700401": element(1, 2, 3),
    }
    annotation = {
        "00700002": element("A"),
        "00700008": sequence(text),
        "00700009": sequence(*shapes),
    }
    return state(
        reference("1.2.3", 1),
        **rectangle(2, 40, 2, 40),
        **plane(np.ones((64, 48))),
        t60001001=element("A"),
        t00283000=sequence(LUT),
        t00283110=sequence(voi(5, 5), {"00283010": sequence(LUT)}),
        t20500010=sequence(LUT),
        t00700001=sequence(annotation),
        t00700060=sequence(layer),
        t0070005A=sequence(area(48, 64, t00700103=element(2))),
        t00700041=element("Y"),
        t00700042=element(90),
    )


ODD = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63),
    st.integers(-3, 70),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["", "MONOCHROME1", "PALETTE COLOR", "CIRCULAR", "POLYGONAL", "LABELMAP"]),
    st.just({}),
    st.just([]),
    st.just(True),
)
ELEMENTS = st.one_of(
    st.builds(lambda values: {"vr": "UN", "Value": values}, st.lists(ODD, max_size=6)),
    st.just({"vr": "UN"}),
    st.just({"vr": "SQ", "Value": [{}]}),
    st.builds(bulk, st.binary(max_size=70)),
    st.just({"vr": "OW", "InlineBinary": "no base 64"}),
    st.just({"vr": "OW", "BulkDataURI": "x"}),
)


def spoilt(attributes: Attributes, changes: list[tuple[int, Attributes]]) -> Attributes:
    """The attributes, some elements of them, at any depth, replaced."""
    spoilt = copy.deepcopy(attributes)
    for at, instead in changes:
        places = list(_places(spoilt))
        holder, tag = places[at % len(places)]
        holder[tag] = instead
    return spoilt


def _places(attributes: Attributes) -> list[tuple[Attributes, str]]:
    found = []
    for tag, held in attributes.items():
        found.append((attributes, tag))
        values = held.get("Value") if isinstance(held, dict) else None
        for each in values if isinstance(values, list) else []:
            if isinstance(each, dict) and held.get("vr") == "SQ":
                found += _places(each)
    return found


CHANGES = st.lists(st.tuples(st.integers(0, 10_000), ELEMENTS), min_size=1, max_size=3)
SHOWN = Rendering(
    media_type="image/png",
    viewport=Viewport(50, 50),
    overlays=True,
    annotations=frozenset(Annotation),
    icc_profile=IccProfile.SRGB,
)
ENOUGH = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@given(CHANGES)
@ENOUGH
def test_of_an_image(changes: list[tuple[int, Attributes]]) -> None:
    image, frame = native(RAMP)

    with suppress(ArchiveError):
        assert draw([frame], [1], replace(image, attributes=spoilt(full_image(), changes)), SHOWN)


@given(CHANGES)
@ENOUGH
def test_of_a_presentation_state(changes: list[tuple[int, Attributes]]) -> None:
    image, frame = native(RAMP)
    image = replace(image, attributes=full_image())

    with suppress(ArchiveError):
        seen = replace(SHOWN, presentation=spoilt(full_state(), changes))
        assert draw([frame], [1], image, seen)


def test_unspoilt_all_is_drawn() -> None:
    image, frame = native(RAMP)
    image = replace(image, attributes=full_image())

    assert draw([frame], [1], image, SHOWN)
    assert draw([frame], [1], image, replace(SHOWN, presentation=full_state()))
