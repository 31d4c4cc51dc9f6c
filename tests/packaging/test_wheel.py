"""A wheel made from the checkout carries the viewer and serves it without Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import pytest

import filmroom
from filmroom.web import viewer

ROOT = Path(__file__).parent.parent.parent
TIME = 180  # seconds: 70 MB are zipped, unzipped, and started from


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as `make wheel` makes it."""
    if not (viewer.STATIC / "ohif" / viewer.MANIFEST).exists():
        pytest.skip("the viewer's files are not there: viewer/build brings them")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(
        [*command, "--directory", folder], cwd=ROOT, check=True, capture_output=True, timeout=TIME
    )
    return next(folder.glob("filmroom-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new environment with the wheel in it, beside the dependencies of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # Found after the wheel's own folder, and without the hooks that lead to the checkout.
    others = [path for path in sys.path if path.endswith("site-packages")]
    (site / "others.pth").write_text("\n".join(others))
    yield folder
    shutil.rmtree(folder)


def test_the_wheel_holds_the_viewer_with_its_licence_and_no_source_maps(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    ohif = [name for name in names if name.startswith("filmroom/web/static/ohif/")]

    assert "filmroom/web/static/ohif/index.html" in ohif
    assert "filmroom/web/static/ohif/LICENSE" in ohif
    assert any(name.endswith(".js.gz") for name in ohif)
    assert not any(name.endswith(".map") for name in names)
    assert not any(name.startswith("tests/") for name in names)
    assert wheel.stat().st_size < 60_000_000


def test_the_wheel_serves_the_viewer_without_node(installed: Path) -> None:
    python = installed / "venv" / "bin" / "python"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FILMROOM_", "PYTHON"))}
    where = subprocess.run(
        [python, "-c", "import filmroom; print(filmroom.__file__)"],
        env=environment, check=True, capture_output=True, text=True, cwd=installed, timeout=60,
    ).stdout.strip()  # fmt: skip
    assert where.startswith(str(installed))
    assert where != filmroom.__file__

    command = [python, "-m", "filmroom", "serve", "--port", "0", "--dimse-port", "0"]
    command += ["--data", installed / "data"]
    server = subprocess.Popen(
        command,
        env=environment | {"PATH": "/nowhere"},
        cwd=installed,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        line = next(iter(server.stdout), "")
        assert line.startswith("ready http=")
        url = line.split()[1].removeprefix("http=")
        page = httpx.get(url + "/", headers={"accept": "text/html"}, timeout=30)
        bundle = next(word for word in page.text.split('"') if word.startswith("/app.bundle."))
        assert httpx.get(url + bundle, timeout=30).status_code == 200
        assert "window.config" in httpx.get(url + "/app-config.js", timeout=30).text
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stdout.close()


DRAW = """
import sys
sys.path.remove("")  # as for a command that is installed
from filmroom.model.rendering import Rendering
from filmroom.pixels.pool import Pool
pool = Pool(1)
print(len(pool.run("icon", "SR", Rendering(), seconds=60)[1]))
pool.close()
"""


def test_the_wheel_draws_whatever_lies_in_the_working_folder(installed: Path) -> None:
    (installed / "numpy.py").write_text("raise SystemExit('taken for a library')")
    python = installed / "venv" / "bin" / "python"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FILMROOM_", "PYTHON"))}

    drawn = subprocess.run(
        [python, "-c", DRAW],
        env=environment, cwd=installed, capture_output=True, text=True, timeout=TIME,
    )  # fmt: skip

    assert drawn.stderr == ""
    assert int(drawn.stdout) > 500


def test_the_wheel_names_its_command_and_its_backends(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("entry_points.txt"))
        said = archive.read(name).decode()

    assert "filmroom = filmroom.cli.main:main" in said
    for each in entry_points(group="filmroom.storage"):
        assert f"{each.name} = {each.value}" in said
