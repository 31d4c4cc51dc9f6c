"""Putting an instance in: made ready by the thread that brings it, written by the one writer."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from filmroom.dicom.attributes import INSTANCE_NUMBER, at_level
from filmroom.dicom.levels import Level
from filmroom.errors import Conflict
from filmroom.index.removal import bury_row, rebuild_study, recount, take_out
from filmroom.index.states import (
    Head,
    SeriesState,
    StudyState,
    Term,
    dumped,
    few_of,
    least_number,
)
from filmroom.index.unit import Unit
from filmroom.model.change import Action
from filmroom.model.instance import Instance
from filmroom.model.ports import Added
from filmroom.model.stored import OnConflict, Outcome

OTHER_PATIENT = "the study's other instances have another PatientID"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An instance and all that can be made of it before it is the writer's turn."""

    instance: Instance
    on_conflict: OnConflict
    head: Head
    head_bytes: bytes
    digest: bytes
    few: frozenset[Term]
    number: float | None
    attributes: bytes
    frames: bytes
    bulk: bytes


def prepare(instance: Instance, on_conflict: OnConflict) -> Prepared:
    """Do what needs no look at the index."""
    head = Head.of(instance.attributes)
    head_bytes = head.dumped()
    own = at_level(instance.attributes, Level.IMAGE)
    return Prepared(
        instance,
        on_conflict,
        head,
        head_bytes,
        blake2b(head_bytes, digest_size=16).digest(),
        few_of(own, instance.sop_class),
        least_number(own, INSTANCE_NUMBER),
        dumped(own),
        instance.frames.pack(),
        instance.bulk.pack(),
    )


def add(unit: Unit, prepared: Prepared) -> Added:
    """Put an instance in, or say what became of it."""
    instance, ref = prepared.instance, prepared.instance.ref
    study = unit.study(ref.study)
    series = unit.series(study, ref.series) if study else None
    there = unit.instance_row(series.pk, ref.instance) if series else None
    if there is None or study is None or series is None:
        return _put(unit, prepared, study, series, Outcome.NEW)
    pk, key, rejected = there
    if rejected:
        unit.counted["rejected"] -= 1
        bury_row(unit, study, series, pk, key)
        return _put(unit, prepared, study, series, Outcome.NEW)
    if key == instance.key or _sent(unit, key) == _sent_of(instance):
        return Added(Outcome.SAME)
    if prepared.on_conflict is OnConflict.REFUSE:
        raise Conflict(f"instance {ref.instance} is there with other bytes")
    if prepared.on_conflict is OnConflict.REPLACE:
        _take_out_for(unit, study, series, pk, key)
        return _put(unit, prepared, study, series, Outcome.REPLACED)
    _set_aside(unit, instance)
    return Added(Outcome.KEPT_FIRST)


def _sent(unit: Unit, key: str) -> str:
    """The digest of what was sent for a blob."""
    row = unit.run("SELECT digest FROM recoded WHERE key = ?", (key,)).fetchone()
    return str(row[0]) if row else key


def _sent_of(instance: Instance) -> str:
    return instance.original.digest if instance.original else instance.key


def _take_out_for(unit: Unit, study: StudyState, series: SeriesState, pk: int, key: str) -> None:
    """Make room for a newcomer: the study and the series stay, told by their other instances."""
    unit.write()
    take_out(unit, series, {pk})
    bury_row(unit, study, series, pk, key)
    recount(unit, study, series, keep=True)
    rebuild_study(unit, study, shown=True, keep=True)


def _set_aside(unit: Unit, instance: Instance) -> None:
    ref = instance.ref
    added = unit.run(
        "INSERT OR IGNORE INTO aside (study, series, instance, key, size, received, source)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            ref.study,
            ref.series,
            ref.instance,
            instance.key,
            instance.size,
            instance.received,
            instance.source,
        ),
    ).rowcount
    unit.counted["aside"] += added
    unit.filled("aside")
    unit.bring_back(instance.key)
    _remember_original(unit, instance)


def _put(
    unit: Unit,
    prepared: Prepared,
    study: StudyState | None,
    series: SeriesState | None,
    outcome: Outcome,
) -> Added:
    instance, ref = prepared.instance, prepared.instance.ref
    study = study or unit.new_study(ref.study)
    series = series or unit.new_series(study, ref.series)
    other = prepared.head.is_of_another_patient(study.attributes)
    head = _listen(unit, study, series, prepared)
    pk = unit.next("instance")
    _write_row(unit, series, prepared, pk, head)
    _count(unit, study, series, instance)
    _post(unit, study, series, prepared)
    unit.add_piece(unit.streams.grow(series.stream, pk, instance.metadata))
    _settle(unit, instance)
    unit.note(
        Action.REPLACED if outcome is Outcome.REPLACED else Action.STORED, ref, instance.source
    )
    unit.touch(study)
    unit.touch(series)
    return Added(outcome, (OTHER_PATIENT,) if other else ())


def _listen(unit: Unit, study: StudyState, series: SeriesState, prepared: Prepared) -> int:
    """Take in what an instance says of its study and series; the number of its saying."""
    instance = prepared.instance
    known = unit.head(series, prepared.digest)
    if known is not None and known[1] < instance.received:
        return known[0]
    pk = unit.save_head(series, prepared.digest, prepared.head_bytes, instance.received, known)
    origin = (instance.received, instance.ref.series, instance.ref.instance)
    before = series.modalities
    series.heard(prepared.head.series, origin)
    study.heard(prepared.head.study, origin)
    if series.instances and series.modalities != before:
        unit.touch(series)
        study.modalities = unit.modalities(study)
        study.retold = True
    return pk


def _write_row(unit: Unit, series: SeriesState, prepared: Prepared, pk: int, head: int) -> None:
    instance = prepared.instance
    unit.add_instance(
        series.pk,
        instance.ref.instance,
        (
            pk,
            series.pk,
            instance.ref.instance,
            prepared.number,
            head,
            instance.sop_class,
            instance.transfer_syntax,
            instance.key,
            instance.size,
            instance.received,
            instance.source,
            len(instance.frames),
            prepared.attributes,
            prepared.frames,
            prepared.bulk,
        ),
    )


def _count(unit: Unit, study: StudyState, series: SeriesState, instance: Instance) -> None:
    if not study.instances:
        unit.counted["studies"] += 1
        study.retold = True
    if not series.instances:
        unit.counted["series"] += 1
        study.series += 1
        series.retold = True
        study.modalities |= series.modalities
        study.retold = True
    for owner in (study, series):
        owner.instances += 1
        owner.held += 1
        owner.size += instance.size
    unit.counted["instances"] += 1
    unit.counted["size"] += instance.size


def _post(unit: Unit, study: StudyState, series: SeriesState, prepared: Prepared) -> None:
    """See that the series is found by what the instance has."""
    few = unit.few(series)
    if not prepared.few <= few:
        series.few = few | prepared.few
        series.retold = True
    sop_class = prepared.instance.sop_class
    if sop_class not in study.sop_classes:
        study.sop_classes.add(sop_class)
        study.retold = True


def _settle(unit: Unit, instance: Instance) -> None:
    """The blob is needed now: it is neither aside nor due for deletion."""
    unit.bring_back(instance.key)
    _remember_original(unit, instance)
    if not unit.has("aside"):
        return
    ref = instance.ref
    gone = unit.run(
        "DELETE FROM aside WHERE key = ? AND study = ? AND series = ? AND instance = ?",
        (instance.key, ref.study, ref.series, ref.instance),
    ).rowcount
    unit.counted["aside"] -= gone


def _remember_original(unit: Unit, instance: Instance) -> None:
    original = instance.original
    if original is None:
        return
    saved = original.size - instance.size
    added = unit.run(
        "INSERT OR IGNORE INTO recoded (key, digest, size, transfer_syntax, saved)"
        " VALUES (?, ?, ?, ?, ?)",
        (instance.key, original.digest, original.size, original.transfer_syntax, saved),
    ).rowcount
    unit.counted["saved"] += saved * added
