"""Videos as MP4: as they are, over the stored stream, or coded anew."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from filmroom.core.absent import NoPixels
from filmroom.core.archive import Archive
from filmroom.core.video import RemuxedContent, video_of
from filmroom.dicom.frames import Span
from filmroom.dicom.video.remux import Remuxed
from filmroom.errors import NotAcceptable, Undecodable
from filmroom.model.instance import Located
from filmroom.storage.derived import LocalDerived
from filmroom.testing.objects import video

HEVC, MPEG_2 = "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.100"
SETS = bytes.fromhex("00000001674d001eeca4b2 0000000168ce3880")
PICTURE = bytes.fromhex("000000016588840558")
STREAM = SETS + 40 * (PICTURE + b"picture" * 1000)


class Programs(NoPixels):
    """Finds pictures, and codes anew what begins with `old:` by taking that away."""

    def __init__(self) -> None:
        self.rates: list[Fraction | None] = []
        self.coded = 0

    def remux(self, stream: Iterable[bytes], *, is_hevc: bool, rate: Fraction | None) -> Remuxed:
        self.rates.append(rate)
        return super().remux(stream, is_hevc=is_hevc, rate=rate)

    @property
    def can_code_video(self) -> bool:
        return True

    def code_video(self, stream: Iterable[bytes]) -> Generator[bytes, None, None]:
        self.coded += 1
        whole = b"".join(stream)
        if not whole.startswith(b"old:"):
            raise Undecodable("nothing that is known")
        yield whole[4:5000]
        yield whole[5000:]


@pytest.fixture
def programs() -> Programs:
    return Programs()


@pytest.fixture
def joined(archive: Archive, programs: Programs, tmp_path: Path) -> Archive:
    """An archive that has programs for videos, and keeps what they make."""
    return replace(
        archive, pixels=programs, derived=LocalDerived(tmp_path / "derived", 100_000_000)
    )


@pytest.fixture
def stored(joined: Archive, store: Callable[..., Any]) -> Callable[..., Located]:
    """Store a video and find it again."""

    def put(stream: bytes, **attributes: Any) -> Located:
        done = store(joined, video(stream=stream, **attributes))
        return joined.index.locate(done.ref)

    return put


def test_an_mp4_file_is_given_as_it_is(joined: Archive, stored: Callable[..., Located]) -> None:
    file = b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08mdat"

    bulk = video_of(joined, stored(file, transfer_syntax=HEVC))

    assert bulk.media_type == "video/mp4"
    assert bulk.content.read() == file


def test_a_stream_in_fragments_is_an_mp4_file_of_known_length(
    joined: Archive, stored: Callable[..., Located], programs: Programs
) -> None:
    located = stored(STREAM, fragments=17)

    content = video_of(joined, located).content
    whole = content.read()

    assert isinstance(content, RemuxedContent)
    assert len(whole) == content.size
    assert whole[4:8] == b"ftyp"
    assert whole.count(b"picture" * 1000) == 40
    assert content.at_hand() is None
    for start in range(0, content.size, 9999):
        assert b"".join(content.chunks(Span(start, 500))) == whole[start : start + 500]
    again = video_of(joined, located).content
    assert again.read() == whole
    assert len(programs.rates) == 1  # made once


@pytest.mark.parametrize(
    ("attributes", "rate"),
    [
        pytest.param({"FrameTime": "40", "CineRate": "30"}, Fraction(25), id="frame time first"),
        pytest.param({"FrameTime": "33.37"}, Fraction(100000, 3337), id="frame time"),
        pytest.param({"FrameTime": "0", "CineRate": "30"}, Fraction(30), id="cine rate"),
        pytest.param({"RecommendedDisplayFrameRate": "15"}, Fraction(15), id="recommended"),
        pytest.param({"FrameTime": "-40"}, None, id="nonsense"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_data_set_tells_the_rate(
    joined: Archive,
    stored: Callable[..., Located],
    programs: Programs,
    attributes: dict[str, str],
    rate: Fraction | None,
) -> None:
    video_of(joined, stored(STREAM, **attributes))

    assert programs.rates == [rate]


def test_mpeg_2_is_coded_anew_once(
    joined: Archive, stored: Callable[..., Located], programs: Programs
) -> None:
    located = stored(b"old:" + STREAM, transfer_syntax=MPEG_2)

    first = video_of(joined, located).content
    again = video_of(joined, located).content

    assert first.read().count(b"picture" * 1000) == 40
    assert again.read() == first.read()
    assert programs.coded == 1


def test_a_stream_that_cannot_be_taken_as_it_is_is_coded_anew(
    joined: Archive, stored: Callable[..., Located], programs: Programs
) -> None:
    content = video_of(joined, stored(b"old:" + STREAM, transfer_syntax=HEVC)).content

    assert content.read()[4:8] == b"ftyp"
    assert programs.coded == 1


def test_what_no_program_can_read_is_undecodable(
    joined: Archive, stored: Callable[..., Located]
) -> None:
    with pytest.raises(Undecodable, match="nothing that is known"):
        video_of(joined, stored(b"no video at all"))


def test_without_a_program_it_is_said_what_would_help(
    joined: Archive, stored: Callable[..., Located]
) -> None:
    alone = replace(joined, pixels=NoPixels())

    with pytest.raises(NotAcceptable, match=r"no H\.264 picture.*\(setting ffmpeg\)"):
        video_of(alone, stored(b"no video at all"))
