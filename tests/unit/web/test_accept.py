"""The Accept header and the `accept` parameter, as OHIF, browsers and fuzzers send them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.model.wanted import MediaRange, Offer, Wanted
from filmroom.web.accept import MAX_RANGES, read_accept, wanted_by

OCTETS = "application/octet-stream"
RANGES = [
    pytest.param(
        'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
        [MediaRange("multipart/related", OCTETS, "*")],
        id="OHIF's default",
    ),
    pytest.param(
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        [MediaRange("multipart/related", OCTETS, "*")],
        id="OHIF without quotation",
    ),
    pytest.param(
        'multipart/related; type="image/dicom+jpeg"; transfer-syntax="1.2.840.10008.1.2.4.51"',
        [MediaRange("multipart/related", "image/jpeg", "1.2.840.10008.1.2.4.51")],
        id="a type of its own making",
    ),
    pytest.param(
        'type="application/pdf", multipart/related; type="application/octet-stream"',
        [
            MediaRange("multipart/related", "application/pdf"),
            MediaRange("multipart/related", OCTETS),
        ],
        id="without multipart/related",
    ),
    pytest.param(
        "text/html,application/xml;q=0.9,*/*;q=0.8",
        [MediaRange("text/html"), MediaRange("application/xml", quality=0.9),
         MediaRange("*/*", quality=0.8)],
        id="a browser",
    ),
    pytest.param(
        "multipart/related; type=image/jls; type=image/png; Q=0.5",
        [MediaRange("multipart/related", "image/jls", quality=0.5)],
        id="of duplicates the first counts",
    ),
    pytest.param(
        'APPLICATION/DICOM;Transfer-Syntax="1.2.840.10008.1.2.1"',
        [MediaRange("application/dicom", "", "1.2.840.10008.1.2.1")],
        id="upper case",
    ),
    pytest.param(
        'multipart/related; type="a/b,c/d"; x="\\",;", image/png',
        [MediaRange("multipart/related", "a/b,c/d"), MediaRange("image/png")],
        id="commas and quotes within quotes",
    ),
    pytest.param(
        "application/dicom; type=image/png", [MediaRange("application/dicom")], id="stray type"
    ),
    pytest.param("text/html, image/gif, *; q=.2", [
        MediaRange("text/html"), MediaRange("image/gif"), MediaRange("*/*", quality=0.2)
    ], id="Java's star"),
    pytest.param("image/png;q=nonsense", [MediaRange("image/png")], id="unreadable weight"),
    pytest.param("image/png;q=0", [MediaRange("image/png", quality=0.0)], id="refused"),
    pytest.param("", [MediaRange("*/*")], id="empty"),
    pytest.param(";;;,,,q=,/", [MediaRange("*/*")], id="nothing that is a range"),
    pytest.param('"', [MediaRange("*/*")], id="a lone quote"),
    pytest.param("image/png, nonsense", [MediaRange("image/png")], id="half nonsense"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "ranges"), RANGES)
def test_media_ranges_are_read_as_they_are_meant(text: str, ranges: list[MediaRange]) -> None:
    assert list(read_accept(text).ranges) == ranges


@given(st.text(alphabet='ab/*,;="\\ \tq0.1-', max_size=200))
def test_any_text_is_read_as_some_ranges(text: str) -> None:
    ranges = read_accept(text).ranges

    assert ranges
    assert all(0 <= each.quality <= 1 and "/" in each.media_type for each in ranges)


SYNTAX = st.sampled_from(["", "*", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80"])
TYPE = st.sampled_from([OCTETS, "image/jls", "application/dicom", "image/*", "*/*"])


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, MediaRange]:
    """A media range, and one of the ways to write it."""
    root, syntax = draw(TYPE), draw(SYNTAX)
    quality = draw(st.sampled_from([1.0, 0.5, 0.25, 0.0]))
    mark, gap = draw(st.sampled_from(['"', ""])), draw(st.sampled_from(["", " ", "\t"]))
    parameters = [f"type={mark}{root}{mark}"]
    parameters += [f"transfer-syntax={mark}{syntax}{mark}"] if syntax else []
    parameters += [f"q={quality}"] if quality != 1.0 or draw(st.booleans()) else []
    separator = f"{gap};{gap}"
    text = separator.join(["multipart/related", *draw(st.permutations(parameters))])
    return text, MediaRange("multipart/related", root, syntax, quality)


@given(st.lists(spelled(), min_size=1, max_size=5), st.sampled_from([",", ", ", " ,"]))
def test_every_spelling_of_a_list_is_read_the_same(
    pairs: list[tuple[str, MediaRange]], comma: str
) -> None:
    text = comma.join(text for text, _ in pairs)

    assert list(read_accept(text).ranges) == [each for _, each in pairs]


def test_no_more_ranges_are_read_than_somebody_means() -> None:
    assert len(read_accept("image/png," * 5_000).ranges) == MAX_RANGES


def _wanted(query: str, *accept: str) -> Wanted:
    headers = [(b"accept", value.encode()) for value in accept]
    return wanted_by({"query_string": query.encode(), "headers": headers})


def test_the_accept_parameter_wins_over_the_header() -> None:
    multipart = 'multipart/related; type="application/octet-stream"'

    assert _wanted("viewport=9&accept=image%2Fjpeg", multipart).ranges == (
        MediaRange("image/jpeg"),
    )


def test_several_accept_parameters_are_one_list() -> None:
    assert _wanted("accept=image/png&accept=image/gif;q=0.5,image/jpeg").ranges == (
        MediaRange("image/png"),
        MediaRange("image/gif", quality=0.5),
        MediaRange("image/jpeg"),
    )


@pytest.mark.parametrize("text", ["application/dicom+json", quote("application/dicom+json", "")])
def test_a_plus_in_the_accept_parameter_is_a_plus(text: str) -> None:
    assert _wanted(f"accept={text}").ranges == (MediaRange("application/dicom+json"),)


@pytest.mark.parametrize("query", ["accept=", "notaccept=image/png", "accept=&x=1"])
def test_without_an_accept_parameter_the_header_counts(query: str) -> None:
    assert _wanted(query, "image/png", "image/gif").ranges == (
        MediaRange("image/png"),
        MediaRange("image/gif"),
    )


def test_without_either_anything_is_acceptable() -> None:
    assert _wanted("").choose([Offer("application/dicom", "1.2", multipart=True)]) is not None
