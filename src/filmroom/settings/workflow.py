"""Settings of the worklist, of procedure steps, of storage commitment, and of who is told."""

from __future__ import annotations

from pydantic import BaseModel, Field

from filmroom.settings.serving import Words


class WorkflowSettings(BaseModel, use_attribute_docstrings=True):
    """What is scheduled, performed and kept, beside the images."""

    worklist_folder: str = ""
    """Folder of worklist files (`*.wl`, as for DCMTK's `wlmscpfs`), looked at anew for each query;
    files in a folder below it are for callers that call us by its name. Empty: none."""
    workflow_keep: float = 90.0
    """Days that finished worklist items, procedure steps and storage commitments are remembered;
    0 keeps them."""
    commitment_wait: float = 1.0
    """Seconds that a caller has to end its association after it has asked for a storage commitment;
    if it has not, it is told on the same one, else on a new one."""
    availability_peers: Words = ()
    """Names of peers that are told which instances of a study can be retrieved."""
    availability_after: float = Field(60.0, gt=0)
    """Seconds without a new instance after which `availability_peers` are told of a study."""
