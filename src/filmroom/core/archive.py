"""Archive: the parts that every verb is handed."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import BoundedSemaphore

from filmroom.core.absent import NoPixels, NothingKept
from filmroom.core.ahead import Ahead
from filmroom.core.alone import NoPeers
from filmroom.core.failures import Failures
from filmroom.core.recent import Recent
from filmroom.core.worklist_files import WorklistFiles
from filmroom.dicom.frames import FrameIndex
from filmroom.model.pixels import Derived, Image, Pixels
from filmroom.model.ports import InstanceIndex, Storage
from filmroom.model.records import Records
from filmroom.model.remote import Remote
from filmroom.settings import Settings

IMAGES = 4 << 20
"""Bytes of DICOM JSON text whose data sets are kept parsed."""
FRAMES = 200_000
"""Frames in all the frame indexes that are kept."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An index, a storage, and the settings of the verbs; what pixels need, and what it makes."""

    index: InstanceIndex
    storage: Storage
    settings: Settings
    pixels: Pixels = field(default_factory=NoPixels)
    derived: Derived = field(default_factory=NothingKept)
    remote: Remote = field(default_factory=NoPeers)
    """Other nodes, where they can be asked."""
    writers: BoundedSemaphore = field(init=False, repr=False, compare=False)
    """Slots for instances on their way in, `store_writers` of them."""
    retrieves: BoundedSemaphore = field(init=False, repr=False, compare=False)
    """Slots for retrievals over associations, `retrieves` of them."""
    images: Recent[Image] = field(
        default_factory=lambda: Recent(IMAGES), init=False, repr=False, compare=False
    )
    """Images that were read last, by blob."""
    frame_indexes: Recent[FrameIndex] = field(
        default_factory=lambda: Recent(FRAMES), init=False, repr=False, compare=False
    )
    """Frame indexes that were used last, by blob."""
    failures: Failures = field(default_factory=Failures, init=False, repr=False, compare=False)
    """Frames that could not be made lately."""
    ahead: Ahead = field(default_factory=Ahead, init=False, repr=False, compare=False)
    """What is made before it is asked for."""
    worklist_files: WorklistFiles = field(init=False, repr=False, compare=False)
    """Worklist items that are read from files."""

    def __post_init__(self) -> None:
        slots = BoundedSemaphore(self.settings.store_writers)
        object.__setattr__(self, "writers", slots)
        object.__setattr__(self, "retrieves", BoundedSemaphore(self.settings.retrieves))
        files = WorklistFiles(self.settings.worklist_folder)
        object.__setattr__(self, "worklist_files", files)

    @property
    def records(self) -> Records:
        """Peers, jobs and what else is in no blob."""
        return self.index.records
