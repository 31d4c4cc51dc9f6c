"""What the tests of rendering share: objects with known pixels, and pictures taken apart."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import httpx
import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from filmroom.testing.objects import CT_IMAGE, header, image, uid

GSPS = "1.2.840.10008.5.1.4.1.1.11.1"


def halves(
    study: int = 1, series: int = 1, instance: int = 1, *, frames: int = 1, **more: Any
) -> Dataset:
    """A CT image of 64 columns and 32 rows: -360 HU at the left, 40 HU at the right.

    With several frames the right half grows by 10 HU a frame.
    """
    dataset = image(
        study,
        series,
        instance,
        rows=32,
        columns=64,
        frames=frames,
        SOPClassUID=CT_IMAGE,
        Modality="CT",
        RescaleIntercept=-1024.0,
        RescaleSlope=1.0,
        WindowCenter=40.0,
        WindowWidth=400.0,
    )
    pixels = np.full((frames, 32, 64), -360 + 1024, np.uint16)
    for number in range(frames):
        pixels[number, :, 32:] = 40 + 10 * number + 1024
    dataset.PixelData = pixels.tobytes()
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def presentation(
    *shown: Dataset, study: int = 1, series: int = 60, instance: int = 1, **more: Any
) -> Dataset:
    """A grayscale presentation state of images, without rescaling: a window of 1000 and 100."""
    dataset = header(study, series, instance, SOPClassUID=GSPS, Modality="PR")
    dataset.PresentationLUTShape = "IDENTITY"
    by_series: dict[str, list[Dataset]] = {}
    for one in shown:
        reference = Dataset()
        reference.ReferencedSOPClassUID = one.SOPClassUID
        reference.ReferencedSOPInstanceUID = one.SOPInstanceUID
        by_series.setdefault(one.SeriesInstanceUID, []).append(reference)
    of_series = []
    for series_uid, references in by_series.items():
        item = Dataset()
        item.SeriesInstanceUID = series_uid
        item.ReferencedImageSequence = Sequence(references)
        of_series.append(item)
    dataset.ReferencedSeriesSequence = Sequence(of_series)
    window = Dataset()
    window.WindowCenter, window.WindowWidth = 1000.0, 100.0
    dataset.SoftcopyVOILUTSequence = Sequence([window])
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [64, 32]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelAspectRatio = [1, 1]
    dataset.DisplayedAreaSelectionSequence = Sequence([area])
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def named(series: int, instance: int = 1, study: int = 1) -> dict[str, str]:
    """The parameters that name a presentation state."""
    return {
        "presentationSeriesUID": uid(study, series),
        "presentationUID": uid(study, series, instance),
    }


def seen(response: httpx.Response, media_type: str = "image/jpeg") -> Image.Image:
    """The picture that an answer is."""
    assert response.status_code == 200, response.text[:500]
    assert response.headers["content-type"] == media_type
    assert int(response.headers["content-length"]) == len(response.content)
    return opened(response.content)


def opened(data: bytes) -> Image.Image:
    """A picture file, read whole."""
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


def shades(picture: Image.Image, *places: tuple[int, int]) -> list[int]:
    """Grey at columns and rows."""
    grey = picture.convert("L")
    return [int(grey.getpixel(place)) for place in places]


def about(expected: list[int], within: int = 3) -> list[Any]:
    """Shades that a lossy coding gives back nearly."""
    return [_Near(each, within) for each in expected]


class _Near:
    def __init__(self, value: int, within: int) -> None:
        self.value, self.within = value, within

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and abs(other - self.value) <= self.within

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"{self.value}±{self.within}"
