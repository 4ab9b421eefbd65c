"""A lesion planted in a series is where every output says the model looked: straight, tilted and oblique."""

from __future__ import annotations

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
from tests.dicom.making import write_series
from tests.explain.making import head, plant_attention
from tests.explain.reading import errors_by_dciodvfy, patches_between, place_in_array, place_in_dicom

pytest.importorskip("highdicom", reason="DICOM objects need highdicom (extra dicom-out)")

RADIUS_MM = 12
TILT = np.array([0.0, np.sin(0.3), np.cos(0.3)])
TURNED = (np.cos(0.2), np.sin(0.2), 0.0, -np.sin(0.2) * np.cos(0.15), np.cos(0.2) * np.cos(0.15), np.sin(0.15))


@pytest.fixture
def model():
    return ItemizedCLIP.from_pretrained("head_ct_phantom")


def series(folder, shape=(48, 64, 30), **options):
    """A head as DICOM, 3 x 2 mm in plane, 5 mm apart."""
    array = head(shape).astype(np.int32)  # columns, rows, slices
    return write_series(
        folder, num=shape[2], size=(shape[1], shape[0]), FrameOfReferenceUID="1.2.3.9",
        each=lambda k: {"PixelData": (array[..., k].T + 1024).clip(0, 4000).astype("<u2").tobytes()}, **options,
    )  # fmt: skip


def plant(source, target, lesion_mm):
    """Copy single-frame DICOM with a ball of bright voxels around a place in RAS mm."""
    target.mkdir()
    lesion = np.asarray(lesion_mm) * (-1, -1, 1)
    planted = 0
    for found in (one for study in discover(source).studies for one in study.volumes):
        for number, file in enumerate(found.slices):
            dataset = pydicom.dcmread(file.path)
            if int(dataset.get("NumberOfFrames", 1)) > 1:
                continue
            pixels = np.array(dataset.pixel_array)
            rows, columns = np.indices(pixels.shape)
            right, down = file.orientation[:3] * file.spacing_mm[1], file.orientation[3:] * file.spacing_mm[0]
            places = file.position + columns[..., None] * right + rows[..., None] * down
            inside = np.linalg.norm(places - lesion, axis=-1) < RADIUS_MM
            planted += int(inside.sum())
            limit = 2 ** (dataset.BitsStored - 1) - 1 if dataset.PixelRepresentation else 2**dataset.BitsStored - 1
            high = (1500 - file.number("RescaleIntercept", 0)) / file.number("RescaleSlope", 1)
            pixels[inside] = min(limit, high) if file.modality == "CT" else pixels.max()
            dataset.PixelData = pixels.tobytes()
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
            for tag in [tag for tag in dataset.keys() if tag.group == 0]:  # noqa: SIM118  (some exports leave commands in)
                del dataset[tag]
            dataset["PixelData"].VR = "OW"
            dataset["PixelData"].is_undefined_length = False
            dataset.save_as(target / f"{found.uid[-6:]}_{number}.dcm", enforce_file_format=True)
    return planted


def check_outputs(source, tmp_path, model, monkeypatch, recipe):
    """Plant a lesion, look at the patch that it brightened most, and compare every output with its place."""
    plain = take_in(source, tmp_path / "plain", recipe)
    first = plain.study.series[0]
    lesion = (np.array(first.affine) @ [*(np.array(first.shape) * (0.6, 0.42, 0.55)).round(), 1])[:3]
    if plant(source, tmp_path / "planted", lesion) < 10:
        pytest.skip("no single-frame slices to plant a lesion in")
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
    found = places(paths)
    assert set(found) == {"nifti", "html", "html peak", "map", "segmentation"}
    distances = {name: patches_between(place, lesion, maps[0].patches_affine) for name, place in found.items()}
    assert max(distances.values()) < 1, distances
    return [path for path in paths if path.suffix == ".dcm"]


def places(paths):
    """Where each output shows its map, RAS mm."""
    import nibabel as nib

    found = {}
    for path in paths:
        if path.name.endswith(".nii.gz"):
            image = nib.load(path)
            found["nifti"] = place_in_array(np.asarray(image.dataobj), image.affine)
        elif path.suffix == ".html":
            found["html"], found["html peak"] = places_in_page(path)
        elif path.stem.endswith("_map"):
            found["map"] = place_in_dicom(path)
        elif path.stem.endswith("_segmentation"):
            found["segmentation"] = place_in_dicom(path, segment=1)
    return found


def places_in_page(path):
    text = path.read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])
    entry = data["items"][0]["maps"][0]
    affine = np.array([*data["volumes"][entry["series"]]["affine"], 0, 0, 0, 1]).reshape(4, 4)
    to_patch = np.array([*entry["matrix"], 0, 0, 0, 1]).reshape(4, 4)
    import base64

    patches = np.frombuffer(base64.b64decode(entry["values"]), "<f4").reshape(entry["shape"])
    peak_patch = [*np.unravel_index(patches.argmax(), patches.shape), 1]
    return (affine @ np.linalg.inv(to_patch) @ peak_patch)[:3], (affine @ [*entry["peak"], 1])[:3]


@pytest.mark.parametrize("kind", ["straight", "tilted", "oblique", "head first"])
def test_a_planted_lesion_is_where_every_output_shows_it(kind, tmp_path, model, monkeypatch):
    start, step = np.array([-60.0, -70.0, 30.0]), np.array([0.0, 0.0, 5.0])
    options = {"orientation": TURNED} if kind == "oblique" else {}
    if kind == "tilted":
        step = 5 * TILT
    if kind == "oblique":
        step = 5 * np.cross(TURNED[:3], TURNED[3:])
    if kind == "head first":
        step = -step
    series(tmp_path / "source", positions=start + np.outer(np.arange(30), step), **options)
    objects = check_outputs(tmp_path / "source", tmp_path, model, monkeypatch, "generic_head_ct")
    assert len(objects) == 3


@pytest.mark.long
@pytest.mark.real_dicom
def test_in_real_series_too(tmp_path, model, monkeypatch, real_cases):
    wrong, checked = {}, []
    for number, (source, modality, recipe) in enumerate(real_cases):
        if modality == "MR":
            model.preprocessing = ModelInput("MR", grid=(32, 128, 112), depth="auto", max_series=1).to_dict()
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            objects = check_outputs(source, folder, model, monkeypatch, recipe)
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
    """Every case of which a recipe takes exactly one study: folder, modality, recipe."""
    cases = []
    for source in sorted(path for path in find_shared("data/dicom").iterdir() if path.is_dir()):
        try:
            studies = [study for study in discover(source).studies if study.volumes]
        except ItemClipError:
            continue
        if len(studies) != 1:
            continue
        for modality, recipes in (("CT", ("generic_head_ct", "generic_chest_ct")), ("MR", ("generic_brain_mri",))):
            fitting = [one for one in studies[0].volumes if one.modality == modality and len(one.slices) >= 16]
            if fitting and all(len({str(file.path) for file in one.slices}) > 1 for one in fitting):
                recipe = recipes[-1] if "chest" in source.name else recipes[0]
                cases.append((source, modality, recipe))
                break
    assert cases, "no real series to plant a lesion in"
    return cases
