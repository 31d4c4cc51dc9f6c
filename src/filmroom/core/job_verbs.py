"""What jobs do: one table of their verbs, by kind."""

from __future__ import annotations

from filmroom.core.announcing import announce
from filmroom.core.committing import commit
from filmroom.core.job_kinds import Verb, fetch, send
from filmroom.core.reporting import report
from filmroom.model.job import JobKind

VERBS: dict[JobKind, Verb] = {
    JobKind.SEND: send,
    JobKind.FETCH: fetch,
    JobKind.COMMIT: commit,
    JobKind.REPORT: report,
    JobKind.ANNOUNCE: announce,
}
