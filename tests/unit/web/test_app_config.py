"""`/app-config.js`: what the settings make of OHIF's configuration."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from filmroom.errors import Malformed
from filmroom.settings import Settings
from filmroom.web.app_config import app_config, configuration, merged

NASTY = "</script><!-- \" ' \\ \u2028 & `${x}` é"

# Runs the script as a browser would, then calls its functions as OHIF does.
HARNESS = """
const went = [], warned = [];
const location = { pathname: '/viewer', search: '?a=1', assign: (to) => went.push(to) };
global.window = { location };
console.warn = (...words) => warned.push(words);
require('vm').runInThisContext(require('fs').readFileSync(0, 'utf8'));
const config = window.config;
config.httpErrorHandler({ status: 500 });
config.httpErrorHandler({ request: { status: 401 } });
config.httpErrorHandler(undefined);
const React = { createElement: (kind, props, inside) => ({ kind, props, inside }) };
const logo = config.whiteLabeling.createLogoComponentFn(React, {});
console.log(JSON.stringify({ config, logo, went, warned: warned.length }));
"""


def source(settings: Settings) -> dict[str, Any]:
    return configuration(settings)["dataSources"][0]["configuration"]


def run(settings: Settings) -> dict[str, Any]:
    """What the script does in JavaScript; without Node, what its first object says."""
    script = app_config(settings)
    node = shutil.which("node")
    if node is None:
        start = script.index("window.config = ") + len("window.config = ")
        return {"config": json.JSONDecoder().raw_decode(script[start:])[0]}
    done = subprocess.run(
        [node, "-e", HARNESS], input=script, capture_output=True, text=True, check=True, timeout=30
    )
    return json.loads(done.stdout)


def test_every_address_is_of_the_page_s_own_origin() -> None:
    roots = source(Settings())

    assert roots["qidoRoot"] == roots["wadoRoot"] == "/dicom-web"
    assert roots["wadoUriRoot"] == roots["wadoUri"] == "/wado"
    assert "http" not in json.dumps(configuration(Settings()))


def test_the_defaults_suit_the_archive() -> None:
    config = configuration(Settings())

    assert config["defaultDataSourceName"] == config["dataSources"][0]["sourceName"] == "filmroom"
    assert len(config["dataSources"]) == 1
    assert config["modes"] == []
    assert "oidc" not in config
    assert "customizationUrlPrefixes" not in config
    assert source(Settings()) == {
        "name": "filmroom",
        "friendlyName": "Filmroom",
        "qidoRoot": "/dicom-web",
        "wadoRoot": "/dicom-web",
        "wadoUriRoot": "/wado",
        "wadoUri": "/wado",
        "imageRendering": "wadors",
        "thumbnailRendering": "thumbnail",
        "thumbnailRequestStrategy": "fetch",
        "enableStudyLazyLoad": True,
        "supportsFuzzyMatching": True,
        "supportsWildcard": True,
        "supportsReject": False,
        "supportsStow": True,
        "dicomUploadEnabled": True,
        "qidoSupportsIncludeField": True,
        "singlepart": "bulkdata,video,pdf",
        "bulkDataURI": {"enabled": True},
        "omitQuotationForMultipartRequest": True,
        "queryLimit": 501,
        "loadMultiframeAsPart10": True,
        "segmentation": {
            "store": {"defaultMode": "labelmap", "transferSyntaxUID": "1.2.840.10008.1.2.5"}
        },
    }


def test_the_script_is_javascript_whose_functions_work() -> None:
    ran = run(Settings())

    assert ran["config"]["dataSources"][0]["configuration"]["qidoRoot"] == "/dicom-web"
    if "logo" in ran:
        assert ran["went"] == []
        assert ran["warned"] == 3
        assert ran["logo"]["kind"] == "a"
        assert ran["logo"]["props"]["href"] == "/ui/"
        assert ran["logo"]["inside"] == "Filmroom"


def test_who_is_not_logged_in_is_sent_to_the_login_page() -> None:
    ran = run(Settings(viewer_login="/login.html?from=ohif"))

    assert ran.get("went", []) in (
        [],
        ["/login.html?from=ohif&next=%2Fviewer%3Fa%3D1"],
    )
    assert "/login.html?from=ohif" in app_config(Settings(viewer_login="/login.html?from=ohif"))


def test_no_value_gets_out_of_its_quotes() -> None:
    settings = Settings(viewer_friendly_name=NASTY, viewer_logo_text=NASTY, viewer_logo=NASTY)
    script = app_config(settings)
    ran = run(settings)

    assert script.isascii()
    assert "</script" not in script
    assert "<!--" not in script
    assert ran["config"]["dataSources"][0]["configuration"]["friendlyName"] == NASTY
    if "logo" in ran:
        assert ran["logo"]["inside"]["props"]["alt"] == NASTY


@pytest.mark.parametrize(
    ("setting", "value", "option", "said"),
    [
        ("viewer_image_rendering", "wadouri", "imageRendering", "wadouri"),
        ("viewer_thumbnail_rendering", "wadors", "thumbnailRendering", "wadors"),
        ("viewer_thumbnail_rendering", "rendered", "thumbnailRendering", "rendered"),
        (
            "viewer_thumbnail_request_strategy",
            "bulkDataRetrieve",
            "thumbnailRequestStrategy",
            "bulkDataRetrieve",
        ),
        ("viewer_enable_study_lazy_load", False, "enableStudyLazyLoad", False),
        ("viewer_supports_fuzzy_matching", False, "supportsFuzzyMatching", False),
        ("viewer_supports_wildcard", False, "supportsWildcard", False),
        ("viewer_supports_reject", True, "supportsReject", True),
        ("viewer_supports_stow", False, "supportsStow", False),
        ("viewer_dicom_upload_enabled", False, "dicomUploadEnabled", False),
        ("viewer_qido_supports_include_field", False, "qidoSupportsIncludeField", False),
        ("viewer_singlepart", ("pdf",), "singlepart", "pdf"),
        ("viewer_singlepart", (), "singlepart", ""),
        ("viewer_bulk_data_uri", False, "bulkDataURI", {"enabled": False}),
        (
            "viewer_bulk_data_relative_resolution",
            "series",
            "bulkDataURI",
            {"enabled": True, "relativeResolution": "series"},
        ),
        (
            "viewer_omit_quotation_for_multipart_request",
            False,
            "omitQuotationForMultipartRequest",
            False,
        ),
        ("viewer_accept_header", ("image/jls", "*/*"), "acceptHeader", ["image/jls", "*/*"]),
        (
            "viewer_request_transfer_syntax_uid",
            "1.2.840.10008.1.2.4.80",
            "requestTransferSyntaxUID",
            "1.2.840.10008.1.2.4.80",
        ),
        ("viewer_query_limit", 7, "queryLimit", 7),
        (
            "viewer_stack_streaming",
            False,
            "stackRetrieveOptions",
            {"retrieveOptions": {"single": {"streaming": False}}},
        ),
        ("viewer_load_multiframe_as_part10", False, "loadMultiframeAsPart10", False),
        (
            "viewer_segmentation_mode",
            "bitmap",
            "segmentation",
            {"store": {"defaultMode": "bitmap", "transferSyntaxUID": "1.2.840.10008.1.2.5"}},
        ),
        ("viewer_friendly_name", "Ward 3", "friendlyName", "Ward 3"),
    ],
)
def test_an_option_of_the_data_source_is_as_set(
    setting: str, value: object, option: str, said: object
) -> None:
    assert source(Settings(**{setting: value}))[option] == said


@pytest.mark.parametrize(
    ("setting", "value", "option", "said"),
    [
        ("viewer_show_study_list", False, "showStudyList", False),
        ("viewer_max_web_workers", 2, "maxNumberOfWebWorkers", 2),
        ("viewer_strict_z_spacing", False, "strictZSpacingForVolumeViewport", False),
        ("viewer_show_error_details", "dev", "showErrorDetails", "dev"),
        ("viewer_group_enabled_modes_first", False, "groupEnabledModesFirst", False),
        ("viewer_measurement_tracking_mode", "none", "measurementTrackingMode", "none"),
        ("viewer_modes", ("@ohif/mode-test",), "modes", ["@ohif/mode-test"]),
        (
            "viewer_investigational_use_dialog",
            "never",
            "investigationalUseDialog",
            {"option": "never", "days": 30},
        ),
        (
            "viewer_work_list",
            "legacy",
            "customizationService",
            {"workList.variant": "legacy", "workList.previewSeriesView": "all"},
        ),
        (
            "viewer_max_requests_prefetch",
            4,
            "maxNumRequests",
            {"interaction": 20, "thumbnail": 5, "prefetch": 4},
        ),
        (
            "viewer_study_prefetcher",
            False,
            "studyPrefetcher",
            {
                "enabled": False,
                "displaySetsCount": 2,
                "maxNumPrefetchRequests": 10,
                "order": "closest",
            },
        ),
        (
            "viewer_customizations",
            True,
            "customizationUrlPrefixes",
            {"default": "/customizations/"},
        ),
    ],
)
def test_an_option_of_the_app_is_as_set(
    setting: str, value: object, option: str, said: object
) -> None:
    assert configuration(Settings(**{setting: value}))[option] == said


def test_every_setting_of_the_viewer_changes_something() -> None:
    said_elsewhere = {  # in headers, or by what is served at all
        "viewer_extra",
        "viewer_ort",
        "viewer_connect_origins",
        "viewer_frame_ancestors",
    }
    plain = app_config(Settings())
    for name, field in Settings.model_fields.items():
        if name.startswith("viewer_") and name not in said_elsewhere:
            other = Settings(**{name: another(field)})
            assert app_config(other) != plain, name


def another(field: Any) -> object:
    """A valid value that is not the default."""
    match field.default:
        case bool():
            return not field.default
        case int():
            return field.default + 1
        case tuple():
            return ("x",)
    words = getattr(field.annotation, "__args__", ())
    return next((word for word in words if word != field.default), "1.2.3")


def test_local_files_are_a_data_source_by_setting_only() -> None:
    kinds = [
        each["sourceName"] for each in configuration(Settings(viewer_local=True))["dataSources"]
    ]

    assert kinds == ["filmroom", "dicomlocal"]


def test_json_of_the_user_is_merged_in(tmp_path: Path) -> None:
    extra = tmp_path / "extra.json"
    extra.write_text('{"maxNumRequests": {"prefetch": 1}, "hotkeys": [], "modes": ["@x/y"]}')
    config = run(Settings(viewer_extra=str(extra)))["config"]

    assert config["maxNumRequests"] == {"interaction": 20, "thumbnail": 5, "prefetch": 1}
    assert config["hotkeys"] == []
    assert config["modes"] == ["@x/y"]


def test_javascript_of_the_user_runs_last(tmp_path: Path) -> None:
    extra = tmp_path / "site\n.js"
    extra.write_text("window.config.name = 'ours';\n")
    script = app_config(Settings(viewer_extra=str(extra)))

    assert script.endswith("\n// From site .js\nwindow.config.name = 'ours';\n")
    assert run(Settings(viewer_extra=str(extra)))["config"]["name"] in ("ours", "filmroom")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.json", b"{", "a.json: Expecting"),
        ("a.json", b"[]", "a.json must hold a JSON object"),
        ("a.js", b"\xff", "a.js is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_merged_is_refused_at_start(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(Malformed, match=complaint):
        app_config(Settings(viewer_extra=str(tmp_path / name)))


def test_a_file_that_is_not_there_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="No such file"):
        app_config(Settings(viewer_extra=str(tmp_path / "none.json")))


def test_objects_are_merged_and_everything_else_replaced() -> None:
    before = {"a": {"b": 1, "c": [1, 2]}, "d": 3}

    assert merged(before, {"a": {"c": [3]}, "d": {"e": 4}}) == {
        "a": {"b": 1, "c": [3]},
        "d": {"e": 4},
    }
    assert before == {"a": {"b": 1, "c": [1, 2]}, "d": 3}
