"""Settings of the OHIF Viewer: what the generated `/app-config.js` says.

OHIF's own name of an option stands in brackets. What has no setting here can be said in
the file that `viewer_extra` names.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from filmroom.settings.serving import Words

GB = 1024 * 1024 * 1024
RLE_LOSSLESS = "1.2.840.10008.1.2.5"


class ViewerSettings(BaseModel, use_attribute_docstrings=True):
    """Options of OHIF's DICOMweb data source and of the app around it."""

    viewer: bool = True
    """Serve the OHIF Viewer at the origin's root."""
    viewer_extra: str = ""
    """Path of a `.json` file merged into OHIF's configuration, or of a `.js` file run after it.

    The script finds the configuration as `window.config`.
    """
    viewer_ort: bool = False
    """Serve onnxruntime for segmentation by AI, where `viewer/build --with-ort` brought it."""

    # The data source: this archive, as OHIF asks it.
    viewer_friendly_name: str = "Filmroom"
    """The archive's name in OHIF's menus (OHIF: `friendlyName`)."""
    viewer_image_rendering: Literal["wadors", "wadouri"] = "wadors"
    """How images are fetched: frame by frame, or as whole files (OHIF: `imageRendering`)."""
    viewer_thumbnail_rendering: Literal["wadors", "thumbnailDirect", "thumbnail", "rendered"] = (
        "thumbnail"
    )
    """How thumbnails are made: by the archive, or, with `wadors`, by OHIF from whole frames
    (OHIF: `thumbnailRendering`)."""
    viewer_thumbnail_request_strategy: Literal["fetch", "bulkDataRetrieve"] = "fetch"
    """How the archive's thumbnails are asked for (OHIF: `thumbnailRequestStrategy`)."""
    viewer_enable_study_lazy_load: bool = True
    """Fetch metadata series by series (OHIF: `enableStudyLazyLoad`)."""
    viewer_supports_fuzzy_matching: bool = True
    """Search for names in any order of their words (OHIF: `supportsFuzzyMatching`)."""
    viewer_supports_wildcard: bool = True
    """Search for what is typed anywhere in a value (OHIF: `supportsWildcard`)."""
    viewer_supports_reject: bool = False
    """Give OHIF's extensions the function that rejects a series (OHIF: `supportsReject`)."""
    viewer_supports_stow: bool = True
    """Offer this archive where OHIF exports to (OHIF: `supportsStow`)."""
    viewer_dicom_upload_enabled: bool = True
    """Show the upload button in the study list (OHIF: `dicomUploadEnabled`)."""
    viewer_qido_supports_include_field: bool = True
    """Said for older versions; OHIF 3.13 does not ask (OHIF: `qidoSupportsIncludeField`)."""
    viewer_singlepart: Words = ("bulkdata", "video", "pdf")
    """What is fetched as single parts: `bulkdata`, `video`, `pdf` (OHIF: `singlepart`)."""
    viewer_bulk_data_uri: bool = True
    """Fetch what the metadata only names (OHIF: `bulkDataURI.enabled`)."""
    viewer_bulk_data_relative_resolution: Literal["", "studies", "series"] = ""
    """What relative addresses of bulk data are relative to; Filmroom's own are not relative
    (OHIF: `bulkDataURI.relativeResolution`)."""
    viewer_omit_quotation_for_multipart_request: bool = True
    """Ask for frames without quotation marks (OHIF: `omitQuotationForMultipartRequest`)."""
    viewer_accept_header: Words = ()
    """Media types that frames are asked for as; none: OHIF's own (OHIF: `acceptHeader`)."""
    viewer_request_transfer_syntax_uid: str = Field("", pattern=r"^(\*|[0-9.]*)$")
    """Transfer syntax that frames are asked for in; none: as stored
    (OHIF: `requestTransferSyntaxUID`)."""
    viewer_query_limit: int = Field(501, ge=1)
    """Studies that the study list asks for (OHIF: `queryLimit`)."""
    viewer_stack_streaming: bool = True
    """Show images of stacks while they come, where the syntax is progressive
    (OHIF: `stackRetrieveOptions`)."""
    viewer_load_multiframe_as_part10: bool = True
    """Fetch segmentations as whole files (OHIF: `loadMultiframeAsPart10`)."""
    viewer_segmentation_mode: Literal["labelmap", "bitmap"] = "labelmap"
    """How segmentations are saved; `bitmap` is what older programs read
    (OHIF: `segmentation.store.defaultMode`)."""
    viewer_segmentation_transfer_syntax_uid: str = Field(RLE_LOSSLESS, pattern=r"^[0-9.]+$")
    """Transfer syntax that segmentations are saved in
    (OHIF: `segmentation.store.transferSyntaxUID`)."""
    viewer_local: bool = False
    """Open files of the user's own disk at `/local`, without storing them."""

    # The app around it.
    viewer_show_study_list: bool = True
    """Show the study list at `/`; without it studies open by address only
    (OHIF: `showStudyList`)."""
    viewer_work_list: Literal["default", "legacy"] = "default"
    """The study list with a preview of series, or the older one (OHIF: `workList.variant`)."""
    viewer_work_list_preview: Literal["all", "thumbnails", "list"] = "all"
    """How the study list's preview shows series (OHIF: `workList.previewSeriesView`)."""
    viewer_modes: Words = ()
    """Modes besides those that OHIF ships with, such as `@ohif/mode-test` (OHIF: `modes`)."""
    viewer_extensions: Words = ()
    """Extensions besides those that OHIF ships with (OHIF: `extensions`)."""
    viewer_max_requests_interaction: int = Field(20, ge=1)
    """Frames asked for at once for what is looked at (OHIF: `maxNumRequests.interaction`)."""
    viewer_max_requests_thumbnail: int = Field(5, ge=1)
    """Frames asked for at once for thumbnails (OHIF: `maxNumRequests.thumbnail`)."""
    viewer_max_requests_prefetch: int = Field(10, ge=1)
    """Frames asked for at once ahead of need (OHIF: `maxNumRequests.prefetch`)."""
    viewer_max_web_workers: int = Field(3, ge=1)
    """Threads that decode images (OHIF: `maxNumberOfWebWorkers`)."""
    viewer_max_cache_size: int = Field(3 * GB, ge=1)
    """Bytes of the browser's memory that images may take (OHIF: `maxCacheSize`)."""
    viewer_study_prefetcher: bool = True
    """Fetch series before they are opened (OHIF: `studyPrefetcher.enabled`)."""
    viewer_study_prefetcher_series: int = Field(2, ge=1)
    """Series that are fetched ahead (OHIF: `studyPrefetcher.displaySetsCount`)."""
    viewer_study_prefetcher_requests: int = Field(10, ge=1)
    """Requests at once of that (OHIF: `studyPrefetcher.maxNumPrefetchRequests`)."""
    viewer_study_prefetcher_order: Literal["closest", "downward", "upward"] = "closest"
    """Which series are fetched ahead first (OHIF: `studyPrefetcher.order`)."""
    viewer_investigational_use_dialog: Literal["always", "never", "configure"] = "always"
    """Say that OHIF is for investigational use: each session, never, or once for some days
    (OHIF: `investigationalUseDialog.option`)."""
    viewer_investigational_use_days: int = Field(30, ge=1)
    """Days that `configure` keeps quiet (OHIF: `investigationalUseDialog.days`)."""
    viewer_measurement_tracking_mode: Literal["standard", "simplified", "none"] = "standard"
    """Whether measurements are tracked, and whether OHIF asks (OHIF: `measurementTrackingMode`)."""
    viewer_disable_confirmation_prompts: bool = False
    """Load segmentations and structures without asking (OHIF: `disableConfirmationPrompts`)."""
    viewer_show_patient_info: Literal[
        "visible", "visibleCollapsed", "visibleReadOnly", "disabled"
    ] = "visibleCollapsed"
    """The patient in the viewer's header (OHIF: `showPatientInfo`)."""
    viewer_show_error_details: Literal["always", "dev", "production"] = "always"
    """When OHIF's error page shows details (OHIF: `showErrorDetails`)."""
    viewer_show_loading_indicator: bool = True
    """Show that an image is on its way (OHIF: `showLoadingIndicator`)."""
    viewer_show_cpu_fallback_message: bool = True
    """Say that images are drawn without a graphics processor (OHIF: `showCPUFallbackMessage`)."""
    viewer_use_cpu_rendering: bool = False
    """Draw without a graphics processor (OHIF: `useCPURendering`)."""
    viewer_strict_z_spacing: bool = True
    """Reconstruct only volumes of evenly spaced slices
    (OHIF: `strictZSpacingForVolumeViewport`)."""
    viewer_group_enabled_modes_first: bool = True
    """List the modes that a study can open in first (OHIF: `groupEnabledModesFirst`)."""
    viewer_allow_multi_select_export: bool = False
    """Let users choose where to export to (OHIF: `allowMultiSelectExport`)."""
    viewer_activate_before_interaction: bool = True
    """A first click chooses the viewport and does no more
    (OHIF: `activateViewportBeforeInteraction`)."""
    viewer_auto_play_cine: bool = False
    """Play multi-frame images at once (OHIF: `autoPlayCine`)."""
    viewer_use_cursors: bool = True
    """Show each tool's own cursor (OHIF: `useCursors`)."""
    viewer_customizations: bool = False
    """Let `?customization=` in an address load OHIF's shipped customizations
    (OHIF: `customizationUrlPrefixes`)."""

    # Its looks and its surroundings.
    viewer_logo: str = ""
    """Address of an image in place of the name at the top left (OHIF: `whiteLabeling`)."""
    viewer_logo_text: str = "Filmroom"
    """The name at the top left (OHIF: `whiteLabeling`)."""
    viewer_logo_link: str = "/ui/"
    """Where a click on it leads (OHIF: `whiteLabeling`)."""
    viewer_login: str = ""
    """Where a browser is sent that is not logged in (OHIF: `httpErrorHandler`)."""
    viewer_connect_origins: Words = ()
    """Other origins that OHIF's pages may ask, such as `https://models.example`."""
    viewer_frame_ancestors: Words = ()
    """Other origins whose pages may show OHIF in a frame, such as `https://ris.example`."""
