"""Who and what the demo objects are: people who never lived, UIDs that never change."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from uuid import UUID, uuid5

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

NAMESPACE = UUID("6b3c9f3a-52a5-4c1c-9a38-1f6f0f3f2a10")
MANUFACTURER = "Filmroom"
MODEL = "Synthetic demo"


def uid(*names: str | int) -> str:
    """The UID of a thing, always the same for the same names (PS3.5 §B.2)."""
    return f"2.25.{uuid5(NAMESPACE, '/'.join(map(str, names))).int}"


@dataclass(frozen=True, slots=True)
class Study:
    """A study and its patient."""

    key: str
    patient: str
    patient_id: str
    birth_date: str
    sex: str
    age: str
    date: str
    time: str
    accession: str
    description: str

    @property
    def uid(self) -> str:
        """The Study Instance UID."""
        return uid(self.key)

    def series_uid(self, series: str) -> str:
        """The Series Instance UID of a series of this study."""
        return uid(self.key, series)

    def instance_uid(self, series: str, number: int) -> str:
        """The SOP Instance UID of an instance, counted from 1."""
        return uid(self.key, series, number)


@dataclass(frozen=True, slots=True)
class Series:
    """A series of a study."""

    study: Study
    key: str
    number: int
    modality: str
    description: str
    sop_class: str

    def header(self, instance: int = 1) -> Dataset:
        """Patient, study, series, equipment and SOP common modules of one instance."""
        study = self.study
        dataset = Dataset()
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.SOPClassUID = self.sop_class
        dataset.SOPInstanceUID = study.instance_uid(self.key, instance)
        dataset.InstanceCreationDate = dataset.StudyDate = dataset.SeriesDate = study.date
        dataset.InstanceCreationTime = dataset.StudyTime = dataset.SeriesTime = study.time
        dataset.ContentDate, dataset.ContentTime = study.date, study.time
        dataset.PatientName = study.patient
        dataset.PatientID = study.patient_id
        dataset.PatientBirthDate = study.birth_date
        dataset.PatientSex = study.sex
        dataset.PatientAge = study.age
        dataset.StudyInstanceUID = study.uid
        dataset.StudyID = study.accession[-2:]
        dataset.StudyDescription = study.description
        dataset.AccessionNumber = study.accession
        dataset.ReferringPhysicianName = "Demo^Referrer"
        dataset.SeriesInstanceUID = study.series_uid(self.key)
        dataset.SeriesNumber = self.number
        dataset.SeriesDescription = self.description
        dataset.Modality = self.modality
        dataset.InstanceNumber = instance
        dataset.Manufacturer = MANUFACTURER
        dataset.ManufacturerModelName = MODEL
        dataset.DeviceSerialNumber = "0"
        dataset.SoftwareVersions = "1"
        dataset.InstitutionName = "Filmroom demo hospital"
        return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence (PS3.3 §8.8)."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def codes(value: str, scheme: str, meaning: str) -> Sequence:
    """A code sequence of one item."""
    return Sequence([code(value, scheme, meaning)])


def part10(dataset: Dataset) -> bytes:
    """The data set as a Part 10 file, Explicit VR Little Endian."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(uid("implementation"))
    meta.ImplementationVersionName = "FILMROOM_DEMO"
    dataset.file_meta = meta
    out = BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()
