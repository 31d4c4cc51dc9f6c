"""The rows of the table of indexed attributes: path, keyword, VR, how kept (`attributes.Kept`)."""

from __future__ import annotations

STUDY = """
00080020 StudyDate DA d
00080030 StudyTime TM d
00080050 AccessionNumber SH d
00080051 IssuerOfAccessionNumberSequence SQ
00080051.00400031 IssuerOfAccessionNumberSequence.LocalNamespaceEntityID UT
00080051.00400032 IssuerOfAccessionNumberSequence.UniversalEntityID UT
00080051.00400033 IssuerOfAccessionNumberSequence.UniversalEntityIDType CS
00080056 InstanceAvailability CS dcu
00080061 ModalitiesInStudy CS dc
00080062 SOPClassesInStudy UI c
00080090 ReferringPhysicianName PN d
0008009C ConsultingPhysicianName PN
00080201 TimezoneOffsetFromUTC SH d
00081030 StudyDescription LO d
00081032 ProcedureCodeSequence SQ
00081032.00080100 ProcedureCodeSequence.CodeValue SH
00081032.00080102 ProcedureCodeSequence.CodingSchemeDesignator SH
00081032.00080104 ProcedureCodeSequence.CodeMeaning LO
00081048 PhysiciansOfRecord PN
00081060 NameOfPhysiciansReadingStudy PN
00081080 AdmittingDiagnosesDescription LO
00081190 RetrieveURL UR dcu
00100010 PatientName PN d
00100020 PatientID LO d
00100021 IssuerOfPatientID LO d
00100022 TypeOfPatientID CS
00100024 IssuerOfPatientIDQualifiersSequence SQ
00100024.00400032 IssuerOfPatientIDQualifiersSequence.UniversalEntityID UT
00100024.00400033 IssuerOfPatientIDQualifiersSequence.UniversalEntityIDType CS
00100030 PatientBirthDate DA d
00100032 PatientBirthTime TM
00100040 PatientSex CS d
00101000 OtherPatientIDs LO
00101001 OtherPatientNames PN
00101002 OtherPatientIDsSequence SQ
00101002.00100020 OtherPatientIDsSequence.PatientID LO
00101002.00100021 OtherPatientIDsSequence.IssuerOfPatientID LO
00101010 PatientAge AS
00101020 PatientSize DS
00101030 PatientWeight DS
00102000 MedicalAlerts LO
00102110 Allergies LO
00102160 EthnicGroup SH
00102180 Occupation SH
001021C0 PregnancyStatus US
00102201 PatientSpeciesDescription LO
00102203 PatientSexNeutered CS
00102292 PatientBreedDescription LO
00102297 ResponsiblePerson PN
00102299 ResponsibleOrganization LO
00104000 PatientComments LT
00120010 ClinicalTrialSponsorName LO
00120020 ClinicalTrialProtocolID LO
00120021 ClinicalTrialProtocolName LO
00120030 ClinicalTrialSiteID LO
00120031 ClinicalTrialSiteName LO
00120040 ClinicalTrialSubjectID LO
00120042 ClinicalTrialSubjectReadingID LO
00120050 ClinicalTrialTimePointID LO
00120051 ClinicalTrialTimePointDescription ST
00120062 PatientIdentityRemoved CS
0020000D StudyInstanceUID UI d
00200010 StudyID SH d
00201206 NumberOfStudyRelatedSeries IS dcu
00201208 NumberOfStudyRelatedInstances IS dcu
00321032 RequestingPhysician PN
00321033 RequestingService LO
00321060 RequestedProcedureDescription LO
00380010 AdmissionID LO
"""

SERIES = """
00080021 SeriesDate DA d
00080031 SeriesTime TM d
00080060 Modality CS d
00080068 PresentationIntentType CS
00080070 Manufacturer LO
00080080 InstitutionName LO
00081010 StationName SH
0008103E SeriesDescription LO d
0008103F SeriesDescriptionCodeSequence SQ
0008103F.00080100 SeriesDescriptionCodeSequence.CodeValue SH
0008103F.00080102 SeriesDescriptionCodeSequence.CodingSchemeDesignator SH
0008103F.00080104 SeriesDescriptionCodeSequence.CodeMeaning LO
00081040 InstitutionalDepartmentName LO
00081050 PerformingPhysicianName PN
00081070 OperatorsName PN
00081090 ManufacturerModelName LO
00081111 ReferencedPerformedProcedureStepSequence SQ
00081111.00081150 ReferencedPerformedProcedureStepSequence.ReferencedSOPClassUID UI
00081111.00081155 ReferencedPerformedProcedureStepSequence.ReferencedSOPInstanceUID UI
00082218 AnatomicRegionSequence SQ
00082218.00080100 AnatomicRegionSequence.CodeValue SH
00082218.00080102 AnatomicRegionSequence.CodingSchemeDesignator SH
00082218.00080104 AnatomicRegionSequence.CodeMeaning LO
00120060 ClinicalTrialCoordinatingCenterName LO
00120071 ClinicalTrialSeriesID LO
00180010 ContrastBolusAgent LO
00180015 BodyPartExamined CS d
00180024 SequenceName SH
00181000 DeviceSerialNumber LO
00181020 SoftwareVersions LO
00181030 ProtocolName LO
00185100 PatientPosition CS
0020000E SeriesInstanceUID UI d
00200011 SeriesNumber IS d
00200052 FrameOfReferenceUID UI
00200060 Laterality CS d
00201209 NumberOfSeriesRelatedInstances IS dcu
00400244 PerformedProcedureStepStartDate DA d
00400245 PerformedProcedureStepStartTime TM d
00400250 PerformedProcedureStepEndDate DA
00400251 PerformedProcedureStepEndTime TM
00400253 PerformedProcedureStepID SH
00400254 PerformedProcedureStepDescription LO
00400260 PerformedProtocolCodeSequence SQ
00400260.00080100 PerformedProtocolCodeSequence.CodeValue SH
00400260.00080102 PerformedProtocolCodeSequence.CodingSchemeDesignator SH
00400260.00080104 PerformedProtocolCodeSequence.CodeMeaning LO
00400275 RequestAttributesSequence SQ d
00400275.00080050 RequestAttributesSequence.AccessionNumber SH
00400275.0020000D RequestAttributesSequence.StudyInstanceUID UI
00400275.00321060 RequestAttributesSequence.RequestedProcedureDescription LO
00400275.00400007 RequestAttributesSequence.ScheduledProcedureStepDescription LO
00400275.00400009 RequestAttributesSequence.ScheduledProcedureStepID SH
00400275.00401001 RequestAttributesSequence.RequestedProcedureID SH
00400275.00321064 RequestAttributesSequence.RequestedProcedureCodeSequence SQ
00400275.00321064.00080100 RequestAttributesSequence.RequestedProcedureCodeSequence.CodeValue SH
00400275.00321064.00080102 RequestAttributesSequence.RequestedProcedureCodeSequence.CodingSchemeDesignator SH
00400275.00321064.00080104 RequestAttributesSequence.RequestedProcedureCodeSequence.CodeMeaning LO
"""  # noqa: E501  # one row a line, however long its keywords

INSTANCE = """
00080008 ImageType CS f
00080012 InstanceCreationDate DA
00080013 InstanceCreationTime TM
00080016 SOPClassUID UI df
00080018 SOPInstanceUID UI d
00080022 AcquisitionDate DA f
00080023 ContentDate DA f
0008002A AcquisitionDateTime DT
00080032 AcquisitionTime TM
00080033 ContentTime TM
00081115 ReferencedSeriesSequence SQ
00081115.0020000E ReferencedSeriesSequence.SeriesInstanceUID UI f
00081115.00081199 ReferencedSeriesSequence.ReferencedSOPSequence SQ
00081115.00081199.00081155 ReferencedSeriesSequence.ReferencedSOPSequence.ReferencedSOPInstanceUID UI
00081140 ReferencedImageSequence SQ
00081140.00081155 ReferencedImageSequence.ReferencedSOPInstanceUID UI
00081199 ReferencedSOPSequence SQ
00081199.00081155 ReferencedSOPSequence.ReferencedSOPInstanceUID UI
00082112 SourceImageSequence SQ
00082112.00081155 SourceImageSequence.ReferencedSOPInstanceUID UI
00083002 AvailableTransferSyntaxUID UI df
00180050 SliceThickness DS f
00180060 KVP DS f
00180080 RepetitionTime DS f
00180081 EchoTime DS f
00180087 MagneticFieldStrength DS f
00200012 AcquisitionNumber IS f
00200013 InstanceNumber IS d
00200032 ImagePositionPatient DS
00200037 ImageOrientationPatient DS
00200062 ImageLaterality CS f
00201041 SliceLocation DS
00204000 ImageComments LT
00280002 SamplesPerPixel US f
00280004 PhotometricInterpretation CS f
00280008 NumberOfFrames IS d
00280010 Rows US df
00280011 Columns US df
00280030 PixelSpacing DS
00280100 BitsAllocated US df
00280101 BitsStored US f
00280103 PixelRepresentation US f
00280301 BurnedInAnnotation CS f
00282110 LossyImageCompression CS f
0040A032 ObservationDateTime DT
0040A043 ConceptNameCodeSequence SQ
0040A043.00080100 ConceptNameCodeSequence.CodeValue SH f
0040A043.00080102 ConceptNameCodeSequence.CodingSchemeDesignator SH f
0040A043.00080104 ConceptNameCodeSequence.CodeMeaning LO f
0040A073 VerifyingObserverSequence SQ
0040A073.0040A027 VerifyingObserverSequence.VerifyingOrganization LO
0040A073.0040A030 VerifyingObserverSequence.VerificationDateTime DT
0040A073.0040A075 VerifyingObserverSequence.VerifyingObserverName PN
0040A491 CompletionFlag CS f
0040A492 CompletionFlagDescription LO
0040A493 VerificationFlag CS f
0040A504 ContentTemplateSequence SQ
0040A504.0040DB00 ContentTemplateSequence.TemplateIdentifier CS f
00420010 DocumentTitle ST
00420012 MIMETypeOfEncapsulatedDocument LO f
00700080 ContentLabel CS f
00700081 ContentDescription LO
00700082 PresentationCreationDate DA
00700083 PresentationCreationTime TM
00700084 ContentCreatorName PN
"""  # noqa: E501  # one row a line, however long its keywords
