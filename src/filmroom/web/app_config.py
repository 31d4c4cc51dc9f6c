"""`/app-config.js`: OHIF's configuration, made from the settings.

OHIF runs this script before its own; it must set `window.config`. What the options do is
said at their settings, in `filmroom.settings.viewer`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filmroom.errors import Malformed
from filmroom.settings import Settings

Config = dict[str, Any]

DICOMWEB_SOURCE = "@ohif/extension-default.dataSourcesModule.dicomweb"
LOCAL_SOURCE = "@ohif/extension-default.dataSourcesModule.dicomlocal"
SOURCE_NAME = "filmroom"
DICOMWEB_ROOT = "/dicom-web"
WADO_URI_ROOT = "/wado"

SCRIPT = """\
// Made by Filmroom from its settings (see `filmroom settings`): change them, not this.
window.config = {config};
(function (look) {{
  // A function in every case: OHIF calls it without looking.
  window.config.httpErrorHandler = function (error) {{
    var status = error && (error.status || (error.request && error.request.status));
    if (status === 401 && look.login) {{
      var here = window.location.pathname + window.location.search;
      var separator = look.login.indexOf('?') < 0 ? '?' : '&';
      window.location.assign(look.login + separator + 'next=' + encodeURIComponent(here));
      return;
    }}
    console.warn('the archive answered', status);
  }};
  window.config.whiteLabeling = {{
    createLogoComponentFn: function (React) {{
      var inside = look.logo
        ? React.createElement('img', {{ src: look.logo, alt: look.text, style: {{ height: 28 }} }})
        : look.text;
      return React.createElement(
        'a',
        {{
          href: look.link,
          title: look.title,
          'data-cy': 'archive-link',
          style: {{ color: '#fff', fontSize: 18, fontWeight: 600, letterSpacing: '0.02em' }},
          // The header around it would go to the study list.
          onClick: function (event) {{ event.stopPropagation(); }},
        }},
        inside
      );
    }},
  }};
}})({look});
"""


def app_config(settings: Settings) -> str:
    """The script, complete; Malformed if the file of `viewer_extra` cannot be used."""
    config = configuration(settings)
    extra = _read_extra(settings.viewer_extra)
    script = ""
    if isinstance(extra, str):
        script = f"\n// From {_in_comment(Path(settings.viewer_extra).name)}\n{extra}"
    else:
        config = merged(config, extra)
    look = {
        "link": settings.viewer_logo_link,
        "login": settings.viewer_login,
        "logo": settings.viewer_logo,
        "text": settings.viewer_logo_text,
        "title": f"{settings.viewer_friendly_name}: the archive's own pages",
    }
    return SCRIPT.format(config=as_script(config, indent=2), look=as_script(look)) + script


def configuration(settings: Settings) -> Config:
    """`window.config`, all but its functions."""
    config: Config = {
        "name": "filmroom",
        "routerBasename": "/",
        "extensions": list(settings.viewer_extensions),
        "modes": list(settings.viewer_modes),
        "customizationService": _customizations(settings),
        "defaultDataSourceName": SOURCE_NAME,
        "dataSources": _sources(settings),
        "maxNumRequests": {
            "interaction": settings.viewer_max_requests_interaction,
            "thumbnail": settings.viewer_max_requests_thumbnail,
            "prefetch": settings.viewer_max_requests_prefetch,
        },
        "studyPrefetcher": {
            "enabled": settings.viewer_study_prefetcher,
            "displaySetsCount": settings.viewer_study_prefetcher_series,
            "maxNumPrefetchRequests": settings.viewer_study_prefetcher_requests,
            "order": settings.viewer_study_prefetcher_order,
        },
        "investigationalUseDialog": {
            "option": settings.viewer_investigational_use_dialog,
            "days": settings.viewer_investigational_use_days,
        },
        **{option: getattr(settings, name) for option, name in APP_OPTIONS.items()},
    }
    if settings.viewer_customizations:
        config["customizationUrlPrefixes"] = {"default": "/customizations/"}
    return config


APP_OPTIONS = {
    "activateViewportBeforeInteraction": "viewer_activate_before_interaction",
    "allowMultiSelectExport": "viewer_allow_multi_select_export",
    "autoPlayCine": "viewer_auto_play_cine",
    "disableConfirmationPrompts": "viewer_disable_confirmation_prompts",
    "groupEnabledModesFirst": "viewer_group_enabled_modes_first",
    "maxCacheSize": "viewer_max_cache_size",
    "maxNumberOfWebWorkers": "viewer_max_web_workers",
    "measurementTrackingMode": "viewer_measurement_tracking_mode",
    "showCPUFallbackMessage": "viewer_show_cpu_fallback_message",
    "showErrorDetails": "viewer_show_error_details",
    "showLoadingIndicator": "viewer_show_loading_indicator",
    "showPatientInfo": "viewer_show_patient_info",
    "showStudyList": "viewer_show_study_list",
    "strictZSpacingForVolumeViewport": "viewer_strict_z_spacing",
    "useCPURendering": "viewer_use_cpu_rendering",
    "useCursors": "viewer_use_cursors",
}
"""OHIF's options of the app that one setting each says as it is."""

SOURCE_OPTIONS = {
    "dicomUploadEnabled": "viewer_dicom_upload_enabled",
    "enableStudyLazyLoad": "viewer_enable_study_lazy_load",
    "friendlyName": "viewer_friendly_name",
    "imageRendering": "viewer_image_rendering",
    "loadMultiframeAsPart10": "viewer_load_multiframe_as_part10",
    "omitQuotationForMultipartRequest": "viewer_omit_quotation_for_multipart_request",
    "qidoSupportsIncludeField": "viewer_qido_supports_include_field",
    "queryLimit": "viewer_query_limit",
    "supportsFuzzyMatching": "viewer_supports_fuzzy_matching",
    "supportsReject": "viewer_supports_reject",
    "supportsStow": "viewer_supports_stow",
    "supportsWildcard": "viewer_supports_wildcard",
    "thumbnailRendering": "viewer_thumbnail_rendering",
    "thumbnailRequestStrategy": "viewer_thumbnail_request_strategy",
}
"""OHIF's options of a DICOMweb data source that one setting each says as it is."""


def _sources(settings: Settings) -> list[Config]:
    archive = {
        "namespace": DICOMWEB_SOURCE,
        "sourceName": SOURCE_NAME,
        "configuration": _source(settings),
    }
    local = {
        "namespace": LOCAL_SOURCE,
        "sourceName": "dicomlocal",
        "configuration": {"friendlyName": "This computer", "name": "dicomlocal"},
    }
    return [archive, local] if settings.viewer_local else [archive]


def _source(settings: Settings) -> Config:
    # Addresses without a host: whatever name or proxy the browser came by stays the one it uses.
    bulk: Config = {"enabled": settings.viewer_bulk_data_uri}
    if settings.viewer_bulk_data_relative_resolution:
        bulk["relativeResolution"] = settings.viewer_bulk_data_relative_resolution
    source: Config = {
        "name": SOURCE_NAME,
        "qidoRoot": DICOMWEB_ROOT,
        "wadoRoot": DICOMWEB_ROOT,
        "wadoUriRoot": WADO_URI_ROOT,
        "wadoUri": WADO_URI_ROOT,
        "singlepart": ",".join(settings.viewer_singlepart),
        "bulkDataURI": bulk,
        "segmentation": {
            "store": {
                "defaultMode": settings.viewer_segmentation_mode,
                "transferSyntaxUID": settings.viewer_segmentation_transfer_syntax_uid,
            }
        },
        **{option: getattr(settings, name) for option, name in SOURCE_OPTIONS.items()},
    }
    # OHIF takes the presence of these for a wish.
    if settings.viewer_accept_header:
        source["acceptHeader"] = list(settings.viewer_accept_header)
    if settings.viewer_request_transfer_syntax_uid:
        source["requestTransferSyntaxUID"] = settings.viewer_request_transfer_syntax_uid
    if not settings.viewer_stack_streaming:
        source["stackRetrieveOptions"] = {"retrieveOptions": {"single": {"streaming": False}}}
    return source


def _customizations(settings: Settings) -> Config:
    return {
        "workList.variant": settings.viewer_work_list,
        "workList.previewSeriesView": settings.viewer_work_list_preview,
    }


def merged(config: Mapping[str, Any], extra: Mapping[str, Any]) -> Config:
    """`config` with `extra` over it: objects are merged, everything else is replaced."""
    result = dict(config)
    for key, value in extra.items():
        here = result.get(key)
        if isinstance(here, Mapping) and isinstance(value, Mapping):
            result[key] = merged(here, value)
        else:
            result[key] = value
    return result


def _read_extra(path: str) -> str | Config:
    if not path:
        return {}
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise Malformed(f"setting viewer_extra: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Malformed(f"setting viewer_extra: {path} is not UTF-8") from None
    if Path(path).suffix == ".js":
        return text
    try:
        extra = json.loads(text)
    except ValueError as error:
        raise Malformed(f"setting viewer_extra: {path}: {error}") from None
    if not isinstance(extra, dict):
        raise Malformed(f"setting viewer_extra: {path} must hold a JSON object")
    return extra


def as_script(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 -- whatever JSON holds
    """A value as JavaScript that is harmless wherever it stands, also inside an HTML page."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, indent=indent)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _in_comment(text: str) -> str:
    return text.encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")
