"""A lesion planted in a series is where every output says the model looked: straight, tilted, oblique, multi-frame."""

from __future__ import annotations

import base64
import contextlib
import json
import re

import numpy as np
import pydicom
import pytest

from itemclip_med.dicom import discover
from itemclip_med.errors import ItemClipError
from itemclip_med.explain import Extras
from itemclip_med.explain.heatmap import LoadedStudy
from itemclip_med.explain.output import write_maps
from itemclip_med.models import ItemizedCLIP
from itemclip_med.predict.intake import take_in
from itemclip_med.transforms import ModelInput
from tests.conftest import find_shared
from tests.dicom.making import ENHANCED_CT, write_enhanced, write_series
from tests.explain.browser import open_browser
from tests.explain.making import head, plant_attention
from tests.explain.reading import (
    errors_by_dciodvfy,
    patches_between,
    place_in_array,
    place_in_dicom,
    place_in_report,
)

pytest.importorskip("highdicom", reason="DICOM objects need highdicom (extra dicom-out)")

RADIUS_MM = 12
LUNG_HU = {"lung": [-600, 1500]}
TILT = np.array([0.0, np.sin(0.3), np.cos(0.3)])
TURNED = (np.cos(0.2), np.sin(0.2), 0.0, -np.sin(0.2) * np.cos(0.15), np.cos(0.2) * np.cos(0.15), np.sin(0.15))


@pytest.fixture
def model():
    return ItemizedCLIP.from_pretrained("head_ct_phantom")


@pytest.fixture(scope="module")
def tab():
    """A browser's tab; None where there is no browser, and the page is looked at as a file only."""
    with contextlib.ExitStack() as stack:
        try:
            yield stack.enter_context(open_browser())
        except pytest.skip.Exception:
            yield None


def series(folder, shape=(48, 64, 30), **options):
    """A head as DICOM, 3 x 2 mm in plane, 5 mm apart."""
    array = head(shape).astype(np.int32)  # columns, rows, slices
    return write_series(
        folder, num=shape[2], size=(shape[1], shape[0]), FrameOfReferenceUID="1.2.3.9",
        each=lambda k: {"PixelData": (array[..., k].T + 1024).clip(0, 4000).astype("<u2").tobytes()}, **options,
    )  # fmt: skip


def enhanced(folder, positions, orientation, shape=(48, 64, 30)):
    """The same head as one multi-frame object, its frames out of order."""
    images = (head(shape).astype(np.int32).transpose(2, 1, 0) + 1024).clip(0, 4000)
    order = np.random.default_rng(1).permutation(len(images))
    frames = [{"position": positions[k], "value": images[k] - np.arange(shape[0])} for k in order]
    return write_enhanced(
        folder / "a", frames, shared={"orientation": orientation, "scale": (1, -1024)}, sop_class=ENHANCED_CT,
        size=(shape[1], shape[0]), FrameOfReferenceUID="1.2.3.9",
    )  # fmt: skip


def plant(source, target, lesion_mm):
    """Copy DICOM with a ball of bright voxels around a place in RAS mm; mosaics are left out."""
    target.mkdir()
    slices = {}
    for study in discover(source).studies:
        for file in (file for one in study.volumes for file in one.slices):
            slices.setdefault(file.path, []).append(file)
    planted = 0
    for number, (path, files) in enumerate(slices.items()):
        dataset = pydicom.dcmread(path)
        if len({file.frame for file in files}) > int(dataset.get("NumberOfFrames", 1)):
            continue
        pixels = np.array(dataset.pixel_array)
        images = pixels[None] if pixels.ndim == 2 else pixels
        for file in files:
            planted += brighten(images[file.frame], file, np.asarray(lesion_mm) * (-1, -1, 1), dataset)
        dataset.PixelData = pixels.tobytes()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        for tag in [tag for tag in dataset.keys() if tag.group == 0]:  # noqa: SIM118  (some exports leave commands in)
            del dataset[tag]
        dataset["PixelData"].VR = "OW"
        dataset["PixelData"].is_undefined_length = False
        dataset.save_as(target / f"{files[0].text('SeriesInstanceUID')[-6:]}_{number}.dcm", enforce_file_format=True)
    return planted


def brighten(image, file, lesion_mm, dataset):
    """Set the pixels of a slice within a ball around a place in LPS mm; how many these are."""
    rows, columns = np.indices(image.shape)
    right, down = file.orientation[:3] * file.spacing_mm[1], file.orientation[3:] * file.spacing_mm[0]
    places = file.position + columns[..., None] * right + rows[..., None] * down
    inside = np.linalg.norm(places - lesion_mm, axis=-1) < RADIUS_MM
    limit = 2 ** (dataset.BitsStored - 1) - 1 if dataset.PixelRepresentation else 2**dataset.BitsStored - 1
    high = (1500 - file.number("RescaleIntercept", 0)) / file.number("RescaleSlope", 1)
    image[inside] = min(limit, high) if file.modality == "CT" else image.max()
    return int(inside.sum())


def check_outputs(source, tmp_path, model, monkeypatch, recipe, tab):
    """Plant a lesion, look at the patch that it brightened most, and compare every output with its place."""
    plain = take_in(source, tmp_path / "plain", recipe)
    first = plain.study.series[0]
    lesion = (np.array(first.affine) @ [*(np.array(first.shape) * (0.6, 0.42, 0.55)).round(), 1])[:3]
    if plant(source, tmp_path / "planted", lesion) < 10:
        pytest.skip("no slices to plant a lesion in")
    taken = take_in(tmp_path / "planted", tmp_path / "work", recipe)
    before = LoadedStudy.load(plain.store, plain.study.study_id, model).batch["image"][0, 0, 0]
    loaded = LoadedStudy.load(taken.store, taken.study.study_id, model)
    change = (loaded.batch["image"][0, 0, 0] - before).abs()
    size = model.config.patch_size
    grid = tuple(n // step for n, step in zip(change.shape, size, strict=True))
    sums = change.reshape(grid[0], size[0], grid[1], size[1], grid[2], size[2]).sum(dim=(1, 3, 5))
    plant_attention(monkeypatch, model, [np.unravel_index(int(sums.argmax()), grid)])
    maps = loaded.heatmaps(["a lesion"], loaded.map(loaded.embed(["a lesion"])))
    assert patches_between(place_in_array(maps[0].values, np.array(first.affine)), lesion, maps[0].patches_affine) < 1
    out = tmp_path / "out"
    out.mkdir()
    extras = Extras(source=tmp_path / "planted", model_name="a model")
    paths = write_maps(taken.store, taken.study.study_id, maps, out, formats=["nifti", "html", "dicom"], extras=extras)
    sources = {pydicom.dcmread(path).SeriesInstanceUID for path in (tmp_path / "planted").iterdir()}
    found = places(paths, tab, sources)
    expected = {"nifti", "html", "html peak", "map", "segmentation", "report"}
    assert set(found) == expected | ({"html jump"} if tab else set())
    distances = {name: patches_between(place, lesion, maps[0].patches_affine) for name, place in found.items()}
    assert max(distances.values()) < 1, distances
    return [path for path in paths if path.suffix == ".dcm"]


def places(paths, tab, sources):
    """Where each output shows its map, RAS mm; the report names one of the source's series."""
    import nibabel as nib

    found = {}
    for path in paths:
        if path.name.endswith(".nii.gz"):
            image = nib.load(path)
            found["nifti"] = place_in_array(np.asarray(image.dataobj), image.affine)
        elif path.suffix == ".html":
            found["html"], found["html peak"] = places_in_page(path)
            if tab:
                found["html jump"] = place_after_jump(path, tab)
        elif path.stem.endswith("_map"):
            found["map"] = place_in_dicom(path)
        elif path.stem.endswith("_segmentation"):
            found["segmentation"] = place_in_dicom(path, segment=1)
        elif path.stem.endswith("_report"):
            found["report"], source = place_in_report(path)
            assert source in sources
    return found


def places_in_page(path):
    text = path.read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])
    entry = data["items"][0]["maps"][0]
    affine = np.array([*data["volumes"][entry["series"]]["affine"], 0, 0, 0, 1]).reshape(4, 4)
    to_patch = np.array([*entry["matrix"], 0, 0, 0, 1]).reshape(4, 4)
    patches = np.frombuffer(base64.b64decode(entry["values"]), "<f4").reshape(entry["shape"])
    peak_patch = [*np.unravel_index(patches.argmax(), patches.shape), 1]
    return (affine @ np.linalg.inv(to_patch) @ peak_patch)[:3], (affine @ [*entry["peak"], 1])[:3]


def place_after_jump(path, tab):
    """Where a browser says it stands after a click elsewhere and a jump, RAS mm."""
    tab.open(path, 1280)
    tab.value("move([0, 0, 0])")
    away = tab.value("document.getElementById('status').textContent")
    tab.click("#jump")
    text = tab.value("document.getElementById('status').textContent")
    assert text != away and tab.problems == []
    signs = {"R": 1, "L": -1, "A": 1, "P": -1, "S": 1, "I": -1}
    return [signs[side] * int(number) for number, side in re.findall(r"(\d+) mm ([RLAPSI])", text)]


@pytest.mark.parametrize("kind", ["straight", "tilted", "oblique", "head first", "multi-frame", "oblique multi-frame"])
def test_a_planted_lesion_is_where_every_output_shows_it(kind, tmp_path, model, monkeypatch, tab):
    orientation = TURNED if "oblique" in kind else (1, 0, 0, 0, 1, 0)
    step = TILT if kind == "tilted" else np.cross(orientation[:3], orientation[3:])
    moves = np.outer(np.arange(30), 5 * step * (-1 if kind == "head first" else 1))
    positions = np.array([-60.0, -70.0, 30.0]) + moves
    if "multi-frame" in kind:
        enhanced(tmp_path / "source", positions, orientation)
    else:
        series(tmp_path / "source", positions=positions, orientation=orientation)
    objects = check_outputs(tmp_path / "source", tmp_path, model, monkeypatch, "generic_head_ct", tab)
    assert len(objects) == 3


@pytest.mark.long
@pytest.mark.real_dicom
def test_in_real_series_too(tmp_path, model, monkeypatch, real_cases, tab):
    wrong, checked = {}, []
    own = model.preprocessing
    other = {
        "generic_brain_mri": ModelInput("MR", grid=(32, 128, 112), depth="auto", max_series=1).to_dict(),
        "generic_chest_ct": {**own, "windows_hu": LUNG_HU},
    }
    for number, (source, recipe) in enumerate(real_cases):
        model.preprocessing = other.get(recipe, own)
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            objects = check_outputs(source, folder, model, monkeypatch, recipe, tab)
            checked.append(source.name)
            told = [line for path in objects for line in errors_by_dciodvfy(path)]
            errors = [line for line in told if "Illegal root for UID" not in line]  # the source's own, referred to
        except pytest.skip.Exception:
            continue
        except (AssertionError, ItemClipError) as error:
            errors = [str(error)[:300]]
        if errors:
            wrong[source.name] = errors
    assert wrong == {}
    assert checked


@pytest.fixture
def real_cases():
    """Every case of which a recipe takes exactly one study: folder and recipe."""
    cases = []
    for source in sorted(path for path in find_shared("data/dicom").iterdir() if path.is_dir()):
        try:
            studies = [study for study in discover(source).studies if study.volumes]
        except ItemClipError:
            continue
        if len(studies) != 1:
            continue
        for modality, recipe in (("CT", "generic_head_ct"), ("MR", "generic_brain_mri")):
            fitting = [one for one in studies[0].volumes if one.modality == modality and len(one.slices) >= 16]
            if fitting:
                cases.append((source, "generic_chest_ct" if "chest" in source.name else recipe))
                break
    assert cases, "no real series to plant a lesion in"
    return cases
