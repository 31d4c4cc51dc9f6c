"""A report as PDF, made by hand, in an encapsulated document (PS3.3 §A.45.1)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EncapsulatedPDFStorage

from filmroom.demo.identity import Series
from filmroom.demo.radiograph import STUDY

SERIES = Series(STUDY, "report", 2, "DOC", "Report", EncapsulatedPDFStorage)

LINES = (
    (22, "Radiology report"),
    (11, "Filmroom demo hospital"),
    (11, ""),
    (11, f"Patient:    {STUDY.patient.replace('^', ', ')}   (synthetic, never lived)"),
    (11, f"Study:      {STUDY.description}, 17 January 2024"),
    (11, f"Accession:  {STUDY.accession}"),
    (11, ""),
    (14, "Findings"),
    (11, "Lungs clear but for a round opacity of about 17 mm in the right mid zone."),
    (11, "Heart and mediastinum of normal size. No effusion. Bones unremarkable."),
    (11, ""),
    (14, "Impression"),
    (11, "Solitary nodule in the right lung. CT is recommended."),
    (11, ""),
    (11, "This page was drawn by a program so that there is something to look at."),
)
LEFT, TOP = 72, 760  # points, of a page of A4


def document() -> Dataset:
    """The one instance of the series."""
    data = pdf()
    dataset = SERIES.header()
    dataset.ConversionType = "WSD"
    dataset.BurnedInAnnotation = "YES"
    dataset.DocumentTitle = "Radiology report"
    dataset.ConceptNameCodeSequence = Sequence([])
    dataset.AcquisitionDateTime = STUDY.date + STUDY.time
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    dataset.EncapsulatedDocumentLength = len(data)
    return dataset


def pdf() -> bytes:
    """One page of PDF 1.4."""
    drawn = _page()
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    out += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(out)


def _page() -> bytes:
    drawn = [b"0.15 0.3 0.5 rg 72 790 451 3 re f 0 g"]
    height = TOP
    for size, line in LINES:
        escaped = line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        text = escaped.encode("cp1252")
        drawn.append(b"BT /F1 %d Tf %d %d Td (%s) Tj ET" % (size, LEFT, height, text))
        height -= size + 9
    return b"\n".join(drawn)
