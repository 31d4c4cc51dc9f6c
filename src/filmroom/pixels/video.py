"""Videos, by other programs: pictures found, and coded anew where browsers have no decoder."""

from __future__ import annotations

import logging
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from functools import lru_cache, partial
from tempfile import TemporaryFile
from typing import IO, NoReturn, cast

from filmroom.dicom.video.remux import Remuxed
from filmroom.errors import Busy, NotAcceptable, Undecodable
from filmroom.pixels.remuxing import FOUND, PIECE

NICENESS = 10  # requests that need no pixels go first
PATIENCE = 60.0  # seconds to wait for other videos
PROGRAM_MEMORY = 2 << 30
"""Bytes of address space; most of it is the program's own."""
ENCODERS = {
    "libx264": ("-preset", "veryfast", "-crf", "20"),
    "libopenh264": ("-b:v", "8M"),
}
"""Encoders of H.264 that ffmpeg can have, the better first, and how they are used."""
WHATEVER_CAN_BE_PIPED = ("-protocol_whitelist", "pipe")
"""A playlist among videos must not make ffmpeg open files or addresses."""
FILTERS = "bwdif=mode=send_frame:deint=interlaced,setpts=N/FRAME_RATE/TB"
"""Lines of both fields become one picture; every picture is taken once, whatever its time stamp."""
TOLD = 300  # characters of a program's complaint

log = logging.getLogger(__name__)


class VideoPrograms:
    """Programs that work on videos, `most` at a time, each for at most `seconds`.

    `ffmpeg` is the program's name or path; "" for none.
    """

    def __init__(self, ffmpeg: str, seconds: float, most: int) -> None:
        self._ffmpeg = ffmpeg
        self._seconds = seconds
        self._remuxing = threading.BoundedSemaphore(most)
        self._coding = threading.BoundedSemaphore(most)  # its outcome is remuxed meanwhile

    @property
    def can_code(self) -> bool:
        """Whether there is an ffmpeg that codes H.264."""
        return self._coder() is not None

    def remux(self, stream: Iterable[bytes], *, is_hevc: bool, rate: Fraction | None) -> Remuxed:
        """Find the pictures of a stream; Undecodable if it has to be coded anew."""
        command = [sys.executable, "-P", "-W", "ignore", "-m", "filmroom.pixels.remuxing"]
        command += ["hevc" if is_hevc else "h264", str(rate or "")]
        with _slot(self._remuxing):
            answer = b"".join(_through(command, stream, self._seconds))
        if answer[:1] != FOUND:
            raise Undecodable(answer[1:].decode() or "the video could not be read")
        return Remuxed.unpack(answer[1:])

    def code(self, stream: Iterable[bytes]) -> Generator[bytes, None, None]:
        """A stream coded anew as H.264, a byte stream; NotAcceptable without ffmpeg."""
        coder = self._coder()
        if coder is None:
            raise NotAcceptable(
                "browsers do not play this video as it is coded, and no ffmpeg that codes H.264 is"
                " there to code it anew (setting ffmpeg): ask for the instance as stored"
            )
        program, encoder = coder
        command = [program, "-nostdin", "-hide_banner", "-v", "error", *WHATEVER_CAN_BE_PIPED]
        command += ["-i", "pipe:0", "-map", "0:v:0", "-threads", "2"]
        command += ["-vf", FILTERS, "-pix_fmt", "yuv420p"]
        command += ["-c:v", encoder, *ENCODERS[encoder], "-f", "h264", "pipe:1"]
        with _slot(self._coding):
            yield from _through(command, stream, self._seconds)

    def _coder(self) -> tuple[str, str] | None:
        program = shutil.which(self._ffmpeg) if self._ffmpeg else None
        encoder = _encoder(program) if program else None
        return (program, encoder) if program and encoder else None


@contextmanager
def _slot(slots: threading.BoundedSemaphore) -> Generator[None, None, None]:
    if not slots.acquire(timeout=PATIENCE):
        raise Busy("too many videos are being made at once: ask again in a moment")
    try:
        yield
    finally:
        slots.release()


@lru_cache(maxsize=4)
def _encoder(program: str) -> str | None:
    """The best encoder that an ffmpeg has."""
    listed = subprocess.run(  # noqa: S603 - the operator's program
        [program, "-hide_banner", "-encoders"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    ).stdout.split()
    return next((each for each in ENCODERS if each in listed), None)


def _through(
    command: Sequence[str], stream: Iterable[bytes], seconds: float
) -> Generator[bytes, None, None]:
    """What a program makes of a stream, in pieces; Undecodable if it fails or takes too long."""
    with TemporaryFile() as complaint:
        process = subprocess.Popen(  # noqa: S603 - a fixed command
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaint,
            process_group=0,  # Ctrl-C is for the server
        )
        _bound(process.pid)
        feeding = _Feeding(cast("IO[bytes]", process.stdin), stream)
        timer = _Timer(seconds, process)
        made = cast("IO[bytes]", process.stdout)
        try:
            feeding.start()
            timer.start()
            yield from iter(partial(made.read, PIECE), b"")
            feeding.join()
            if feeding.error is not None:
                raise feeding.error
            if process.wait():
                complaint.seek(0)
                _fail(command[0], complaint.read(TOLD), seconds if timer.is_over else 0)
        finally:
            timer.cancel()
            process.kill()
            feeding.join()
            process.wait()
            made.close()


def _bound(process: int) -> None:
    """Bound a program's memory, and let requests go before it."""
    with suppress(OSError, ValueError):  # it may be over already, or have less
        os.setpriority(os.PRIO_PROCESS, process, NICENESS)
        resource.prlimit(process, resource.RLIMIT_AS, (PROGRAM_MEMORY, PROGRAM_MEMORY))
        resource.prlimit(process, resource.RLIMIT_CORE, (0, 0))


def _fail(program: str, complaint: bytes, seconds: float) -> NoReturn:
    told = complaint.decode(errors="replace").strip()
    log.warning("a video cannot be read", extra={"program": program, "told": told})
    if seconds:
        raise Undecodable(f"the video takes longer than {seconds:g} s (setting video_seconds)")
    raise Undecodable("the video is damaged, or of a kind that nothing here can read")


class _Feeding(threading.Thread):
    """Gives a stream to a program, as fast as it takes it."""

    def __init__(self, pipe: IO[bytes], stream: Iterable[bytes]) -> None:
        super().__init__(name="video-feeding", daemon=True)
        self._pipe = pipe
        self._stream = stream
        self.error: Exception | None = None

    def run(self) -> None:
        """Feed until the stream ends or the program does."""
        try:
            with suppress(BrokenPipeError), self._pipe as pipe:
                for piece in self._stream:
                    pipe.write(piece)
        except Exception as error:
            self.error = error
        finally:
            if isinstance(self._stream, Generator):
                self._stream.close()


class _Timer:
    """Ends a program that takes too long."""

    def __init__(self, seconds: float, process: subprocess.Popen[bytes]) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._process = process
        self.is_over = False

    def start(self) -> None:
        """Let the time begin."""
        self._timer.start()

    def cancel(self) -> None:
        """Let the program live."""
        self._timer.cancel()

    def _end(self) -> None:
        self.is_over = True
        self._process.kill()
