"""Archive: the parts that every verb is handed."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import BoundedSemaphore

from filmroom.model.ports import InstanceIndex, Storage
from filmroom.settings import Settings


@dataclass(frozen=True, slots=True)
class Archive:
    """An index, a storage, and the settings of the verbs."""

    index: InstanceIndex
    storage: Storage
    settings: Settings
    writers: BoundedSemaphore = field(init=False, repr=False, compare=False)
    """Slots for instances on their way in, `store_writers` of them."""

    def __post_init__(self) -> None:
        slots = BoundedSemaphore(self.settings.store_writers)
        object.__setattr__(self, "writers", slots)
