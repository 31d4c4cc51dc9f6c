"""Free text of which only words stay that are known to identify nobody (PS3.15 §E.3.5)."""

from __future__ import annotations

import re
from collections.abc import Set

WORDS = frozenset(
    """
    abdomen abdominal acetabulum acute adc adrenal angio angiogram angiography ankle anterior
    aorta aortic ap apical appendix arm arterial artery axial axilla axillary baseline biliary
    bilateral biopsy bladder body bolus bone bowel brain breast bronchus bw calcaneus calcium
    carotid cardiac cc cerebral cervical chest chronic clavicle coccyx colon contrast control cor
    coronal coronary corrected cranial cranium ct cta cyst delay delayed derived diaphragm
    diffusion digit digital dixon dose duodenum dx dwi dynamic early echo elbow epi esophagus
    extremity eye face facial fast fat femoral femur fetal fibula finger flair flash flexion
    foot forearm frame frontal fse full fundus gallbladder gated gland gre grey groin hand head
    heart hepatic hip humerus iliac inferior injection inner intestine iv jaw joint kidney knee
    kub large larynx late lateral lcc left leg ligament limb liver lobe localiser localizer long
    low lower lumbar lung lymph lymphoma mammary mammo mammogram mandible map mass mastoid
    maxilla mean medial median mediastinum mip mlo mpr mr mra mri muscle myocardium nasal native
    neck nerve nm node non noncontrast nose oblique open orbit os outer ovary pa palate pancreas
    parasagittal parotid patella pd pelvic pelvis perfusion pet phalanx phantom phase pituitary
    planar plane plain pleura portal post posterior pre prostate proton pt pulmonary quantitative
    radiograph radius rao recon rectum renal resting rib ribs right sacrum sagittal salivary
    scan scapula scout screening sequence series short shoulder sinus skull small soft spiral
    spine spleen static sternum stir stomach stress study supine suppressed survey tap temporal
    test testis thick thigh thin thoracic thorax thumb thyroid tibia time tissue toe tof topogram
    trachea trauma tumor tumour turbo ulna ultrasound unenhanced unilateral upper ureter urinary
    us uterus vascular vein venous ventral ventricle vertebra view volume water weighted whole
    window with without wo wrist xr x-ray xray ce cine ct-guided follow up followup image images
    t1 t1w t2 t2w t2* tse se ir 2d 3d 4d kv kvp mas mm cm mm3 ml sec min axi sag tra transverse
    """.split()  # noqa: SIM905 -- a list of words reads better so
)
_MEASURE = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?(?:mm|cm|ml|kv|s|d)", re.IGNORECASE)


def cleaned(text: str, names: Set[str] = frozenset()) -> str:
    """The words of a text that are known and no `names`, and measures such as 5mm.

    Other numbers could be a date or anyone's. What nothing is left of is "".
    """
    words = [word.strip(".-") for word in re.split(r"[^A-Za-z0-9*.-]+", text)]
    known = [word for word in words if word.lower() in WORDS or _MEASURE.fullmatch(word)]
    return " ".join(word for word in known if word.lower() not in names)


def words_of(name: str) -> frozenset[str]:
    """The words of a person's name, as `cleaned` leaves them out."""
    return frozenset(word.lower() for word in re.split(r"[^A-Za-z0-9]+", name) if word)
