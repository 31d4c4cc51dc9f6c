"""Settings of what is made of pixels: transcoded frames, pictures, thumbnails."""

from __future__ import annotations

from pydantic import BaseModel, Field

MB = 1024 * 1024
GB = 1024 * MB


class PixelSettings(BaseModel, use_attribute_docstrings=True):
    """How pixels are decoded, coded and drawn, and what is kept of that."""

    pixel_workers: int = 0
    """Processes that decode, code and draw; 0: one a core, shared among the web processes."""
    pixel_queue: int = 1_000
    """Requests that wait for such a process; over it 503."""
    pixel_idle: float = 180.0
    """Seconds after which such a process that has nothing to do ends, to give memory back."""
    decode_seconds: float = Field(15.0, gt=0)
    """Seconds that one frame may take; over it 406."""
    decode_memory: int = Field(1 * GB, ge=64 * MB)
    """Bytes of memory that one frame may take; over it 406."""
    rendered_pixels: int = 64_000_000
    """Pixels of a rendered image's viewport; over it 400."""
    burn_overlays: bool = False
    """Whether rendered images show overlay planes where a request does not say."""
    lossy_quality: int = Field(90, ge=1, le=100)
    """Quality, 1 to 100, of lossy codings and pictures where a request does not say."""
    transcode_unsupported: bool = True
    """Give browsers that take any transfer syntax what OHIF decodes, where the stored is not."""
    cache_size: int = 10 * GB
    """Bytes of the disk for transcoded frames and instances; the oldest go first; 0 keeps none."""
    ffmpeg: str = "ffmpeg"
    """Program that codes videos anew which browsers do not play (MPEG-2); empty: none."""
    video_seconds: float = Field(600.0, gt=0)
    """Seconds that coding one video anew may take; over it 406."""
    prefetch_frames: int = 0
    """Frames of the series that are transcoded ahead of the one that was asked for."""
