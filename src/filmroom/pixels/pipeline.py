"""The port `Pixels`: decoding, coding and drawing, in worker processes but for plain frames."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pickle import PickleBuffer

from filmroom.dicom.video.remux import Remuxed
from filmroom.errors import Undecodable
from filmroom.model.instance import Attributes
from filmroom.model.pixels import Coded, Drawing, Image
from filmroom.model.rendering import Rendering
from filmroom.pixels.plain import plain_drawing
from filmroom.pixels.pool import Pool
from filmroom.pixels.video import VideoPrograms
from filmroom.settings import Settings

PER_FRAME = "52009230"
SOP_CLASS = "00080016"
IMAGE_TYPE = "00080008"


def open_pixels(settings: Settings) -> PixelPipeline:
    """The pipeline of one process of a server; nothing is started before it is used."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    shared = max((cores or 1) // max(settings.workers, 1), 1)
    pool = Pool(
        settings.pixel_workers or shared,
        memory=settings.decode_memory,
        queue=settings.pixel_queue,
        idle=settings.pixel_idle,
    )
    video = VideoPrograms(settings.ffmpeg, settings.video_seconds, pool.size)
    return PixelPipeline(pool, settings.decode_seconds, video)


class PixelPipeline:
    """Jobs for a pool; each frame may take `seconds`."""

    def __init__(self, pool: Pool, seconds: float, video: VideoPrograms) -> None:
        self._pool = pool
        self._seconds = seconds
        self._video = video

    def transcode(self, frame: bytes, image: Image, target: str, quality: int = 90) -> Coded:
        self._check([frame])
        bare = replace(image, attributes=_of_pixels(image.attributes))
        told, data = self._pool.run(
            "transcode", PickleBuffer(frame), bare, target, quality, seconds=self._seconds
        )
        return Coded(data, told)

    def recode(self, frame: bytes, image: Image, target: str) -> Coded:
        self._check([frame])
        bare = replace(image, attributes=_of_pixels(image.attributes))
        told, data = self._pool.run(
            "recode", PickleBuffer(frame), bare, target, seconds=3 * self._seconds
        )
        return Coded(data, told)

    def render(
        self, frames: Sequence[bytes], numbers: Sequence[int], image: Image, rendering: Rendering
    ) -> bytes:
        self._check(frames)
        buffers = [PickleBuffer(frame) for frame in frames]
        bare = replace(image, attributes=_of_frames(image.attributes, numbers))
        seconds = self._seconds * max(len(buffers), 1)
        _, picture = self._pool.run(
            "render", buffers, list(numbers), bare, rendering, seconds=seconds
        )
        return picture

    def drawing(self, image: Image, number: int, rendering: Rendering, size: int) -> Drawing | None:
        return plain_drawing(image, number, rendering, size)

    def icon(self, kind: str, rendering: Rendering) -> bytes:
        _, picture = self._pool.run("icon", kind, rendering, seconds=self._seconds)
        return picture

    def remux(self, stream: Iterable[bytes], *, is_hevc: bool, rate: Fraction | None) -> Remuxed:
        return self._video.remux(stream, is_hevc=is_hevc, rate=rate)

    @property
    def can_code_video(self) -> bool:
        return self._video.can_code

    def code_video(self, stream: Iterable[bytes]) -> Generator[bytes, None, None]:
        return self._video.code(stream)

    def close(self) -> None:
        self._pool.close()

    def _check(self, frames: Iterable[bytes]) -> None:
        if sum(map(len, frames)) > self._pool.memory:
            raise Undecodable("the frame is larger than a decoder's memory (decode_memory)")


def _of_pixels(attributes: Attributes) -> Attributes:
    """What tells how pixels are coded: a data set can be large, and goes with every frame."""
    return {
        tag: element
        for tag, element in attributes.items()
        if tag.startswith(("0028", "7FE0")) or tag in (SOP_CLASS, IMAGE_TYPE)
        if element.get("vr") != "SQ" and "InlineBinary" not in element
    }


def _of_frames(attributes: Attributes, numbers: Iterable[int]) -> Attributes:
    """All but the functional groups of other frames, whose places stay."""
    groups = attributes.get(PER_FRAME, {}).get("Value")
    if not groups:
        return attributes
    asked, nothing = {number - 1 for number in numbers}, Attributes()
    kept = [group if at in asked else nothing for at, group in enumerate(groups)]
    return {**attributes, PER_FRAME: {"vr": "SQ", "Value": kept}}
