"""Kill -9 while instances are recoded: what was acknowledged is there, with its pixels."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from random import Random

from pydicom import dcmread
from pydicom.pixels import pixel_array

from filmroom.app import open_archive
from filmroom.core import ledger
from filmroom.core.ledger import Deed
from filmroom.core.maintain import verify
from filmroom.model.instance import InstanceRef
from filmroom.settings import Settings
from filmroom.settings.storing import IngestTranscode
from filmroom.testing.objects import uid

KILLS = 8
STORING = """
import itertools, sys
import numpy as np
from pathlib import Path
from filmroom.app import open_archive
from filmroom.core.store import receive
from filmroom.settings import Settings
from filmroom.testing.objects import image, part10
settings = Settings(data=Path(sys.argv[1]), ingest_transcode="jpegls", disk_reserve=0)
with open_archive(settings) as archive:
    for number in itertools.count(int(sys.argv[2])):
        dataset = image(instance=number, rows=64, columns=64)
        values = np.add.outer(np.arange(64), np.arange(64)) * (number % 50 + 1)
        dataset.PixelData = values.astype("<u2").tobytes()
        with receive(archive, "victim") as incoming:
            incoming.write(part10(dataset))
            incoming.finish()
        print(number, flush=True)
"""


def test_killing_who_recodes_loses_nothing(tmp_path: Path) -> None:
    random = Random(4)  # noqa: S311 - for moments, not for secrets
    acknowledged: list[int] = []
    for n in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", STORING, str(tmp_path / "data"), str(1 + n * 10_000)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ""},
            text=True,
        ) as victim:
            assert victim.stdout is not None
            acknowledged.append(int(victim.stdout.readline()))
            time.sleep(random.uniform(0, 0.15))
            victim.kill()
            acknowledged += [int(line) for line in victim.stdout.read().splitlines(keepends=True)]

    settings = Settings(data=tmp_path / "data", disk_reserve=0)
    with open_archive(settings, exclusive=True) as archive:
        originals = {e.keys[0] for e in ledger.read(archive.storage) if e.deed is Deed.RECODED}
        for number in acknowledged:
            located = archive.index.locate(InstanceRef(uid(1), uid(1, 1), uid(1, 1, number)))
            assert located.key in originals
            assert archive.index.original(located.key) is not None
            stored = dcmread(BytesIO(archive.storage.read(located.key)))
            assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.80"
            assert pixel_array(stored)[63, 63] == 126 * (number % 50 + 1)
        assert [found for found in verify(archive) if found.problem] == []
        assert len(acknowledged) >= KILLS
        assert settings.ingest_transcode is IngestTranscode.NONE
