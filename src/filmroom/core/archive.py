"""Archive: the parts that every verb is handed."""

from __future__ import annotations

from dataclasses import dataclass

from filmroom.model.ports import InstanceIndex, Storage
from filmroom.settings import Settings


@dataclass(frozen=True, slots=True)
class Archive:
    """An index, a storage, and the settings of the verbs."""

    index: InstanceIndex
    storage: Storage
    settings: Settings
