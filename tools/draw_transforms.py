"""Draw the pictures of docs/concepts/transforms.md from phantoms: ``python tools/draw_transforms.py``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from itemclip_med.phantoms.brain_mri import make_brain_mri
from itemclip_med.phantoms.chest_ct import make_chest_ct
from itemclip_med.phantoms.head_ct import make_head_ct
from itemclip_med.preprocess import load_recipe
from itemclip_med.transforms import DepthFirst, FitToGrid
from itemclip_med.volumes import Volume

OUT_DIR = Path(__file__).resolve().parent.parent / "docs" / "images" / "transforms"
SIDE, GAP, TITLE = 200, 8, 44  # pixels of a panel, between panels, above it
INK, GREY = (34, 39, 46), (110, 118, 129)
SHADES = 96  # gray levels of the files

Panel = tuple[str, str, np.ndarray]


def draw(name: str, panels: Sequence[Panel]) -> None:
    """Write one row of panels: a title, a second line, and an image (rows, columns) in 0..1."""
    width = len(panels) * (SIDE + GAP) - GAP
    canvas = Image.new("RGB", (width, SIDE + TITLE), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(14)
    small = ImageFont.load_default(12)
    for number, (title, second, values) in enumerate(panels):
        left = number * (SIDE + GAP)
        pen.text((left, 2), title, INK, font)
        pen.text((left, 22), second, GREY, small)
        image = Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
        scale = SIDE / max(image.size)
        image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR)
        pen.rectangle((left, TITLE, left + SIDE - 1, TITLE + SIDE - 1), fill=(236, 239, 243))
        canvas.paste(image, (left + (SIDE - image.width) // 2, TITLE + (SIDE - image.height) // 2))
    OUT_DIR.mkdir(parents=True, exist_ok=True)
    path = OUT_DIR / f"{name}.png"
    canvas.convert("L").quantize(SHADES).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def size(values: np.ndarray) -> str:
    """``128 x 128 x 32``."""
    return " x ".join(str(n) for n in values.shape)


def soft(values: np.ndarray, low: float = -1150, high: float = 350) -> np.ndarray:
    """A volume in HU as a picture shows it."""
    return (values.astype(np.float32) - low) / (high - low)


def height_of(mask: np.ndarray) -> float:
    """Where along Z a mask (X, Y, Z) is largest, as a share of the volume's height."""
    return float((mask.sum(axis=(0, 1)).argmax() + 0.5) / mask.shape[2])


def as_stored(values: np.ndarray, at: float = 0.5, *, axis: int = 2) -> np.ndarray:
    """A slice of (X, Y, Z) as it lies in memory: the first axis to the right, the second down."""
    return np.take(values, int(at * values.shape[axis]), axis=axis).T


def turned(volume: np.ndarray, affine: np.ndarray) -> Volume:
    """The volume as scanners write it: axes to the patient's left and back."""
    change = np.diag([-1.0, -1.0, 1.0, 1.0])
    change[:2, 3] = np.array(volume.shape[:2]) - 1
    return Volume(np.ascontiguousarray(volume[::-1, ::-1]), affine @ change, "CT", "AX_THIN")


def draw_head() -> None:
    """Head CT: three windows of one volume."""
    phantom = make_head_ct(1, 2, size="clinical", findings=["SDH", "MidlineShift"])
    series = phantom.reconstruct("thin")
    recipe = load_recipe("cq500")
    steps = recipe.build_transform().transforms
    volume = turned(series.volume_hu, series.affine)
    panels: list[Panel] = [("as scanned", f"{size(volume.array)}, HU", soft(as_stored(volume.array, 0.55), -100, 200))]
    data = {"image": volume}
    for step in steps:
        data = step(data)
    stored = data["image"]
    panels.append(
        ("RAS, averaged", f"{size(stored[0].numpy())}, stored", soft(as_stored(stored[0].numpy(), 0.55), -100, 200))
    )
    contract = recipe.model_input()
    first = DepthFirst("axial")(stored)
    d = int(0.55 * first.shape[1])
    panels.append(("depth first", f"{size(first[0].numpy())}, D H W", soft(first[0, d].numpy(), -100, 200)))
    fitted = contract.spatial()(stored)
    d = int(0.55 * fitted.shape[1])
    images = contract.intensity(fitted).numpy() * contract.std + contract.mean
    panels += [
        (f"{name} {center:g}/{width:g}", f"{size(fitted[0].numpy())}, a series", images[number, 0, d])
        for number, (name, (center, width)) in enumerate(contract.windows_hu.items())
    ]
    draw("head-ct", panels)


def draw_chest() -> None:
    """Chest CT: the published voxel size, window and crop."""
    phantom = make_chest_ct(2, 5, size="clinical", findings=["Consolidation", "Pleural effusion"])
    series = phantom.reconstruct("thin")
    at = height_of(phantom.masks["Consolidation"])
    recipe = load_recipe("ct_rate")
    volume = turned(series.volume_hu, series.affine)
    panels: list[Panel] = [("as scanned", f"{size(volume.array)}, HU", soft(as_stored(volume.array, at)))]
    data = {"image": volume}
    load, orient, resample = recipe.build_transform().transforms
    data = orient(load(data))
    panels.append(("RAS", f"{size(data['image'][0].numpy())}", soft(as_stored(data["image"][0].numpy(), at))))
    stored = resample(data)["image"]
    panels.append(("1 x 1 x 3 mm", f"{size(stored[0].numpy())}, stored", soft(as_stored(stored[0].numpy(), at))))
    first = DepthFirst("axial")(stored)
    panels.append(("depth first", f"{size(first[0].numpy())}, D H W", soft(first[0, int(at * first.shape[1])].numpy())))
    contract = recipe.model_input()
    fitted = FitToGrid(contract.grid, fit="crop", pad_value=contract.pad_value)(first)
    middle = int(at * first.shape[1]) - (first.shape[1] - fitted.shape[1]) // 2
    panels.append(("padded, cropped", size(fitted[0].numpy()), soft(fitted[0, middle].numpy(), -1300, 900)))
    image = contract.intensity(fitted).numpy()[0, 0, middle] * contract.std + contract.mean
    panels.append(("-1150 to 350 HU", "0 to 1, then normalized", image))
    draw("chest-ct", panels)


def draw_brain() -> None:
    """Brain MRI: percentiles, and depth along the thickest slices."""
    phantom = make_brain_mri(1, 12, size="clinical", findings=["Glioma"])
    wanted = next(one for one in phantom.series if one.plan.kind == "FLAIR")
    at = height_of(phantom.masks["Glioma"])
    recipe = load_recipe("pub_brain_5")
    volume = Volume(wanted.volume.astype(np.float32), wanted.affine, "MR", "AX_FLAIR")
    top = float(volume.array.max())
    panels: list[Panel] = [("as scanned", f"{size(volume.array)}, any unit", as_stored(volume.array, at) / top)]
    load, orient, percentile, scale = recipe.build_transform().transforms
    data = orient(load({"image": volume}))
    stored = scale(percentile(data))["image"]
    panels.append(("RAS, percentiles", "0.5 to 99.5, stored 0 to 255", as_stored(stored[0].numpy(), at) / 255))
    contract = recipe.model_input()
    first = DepthFirst(contract.depth)(stored)
    d = int(at * first.shape[1])
    panels.append(("depth by spacing", f"{size(first[0].numpy())}, D H W", first[0, d].numpy() / 255))
    square = FitToGrid((first.shape[1], 256, 256), depth_mode="nearest-exact")(first)
    panels.append(("padded to a square", f"{size(square[0].numpy())}", square[0, d].numpy() / 255))
    fitted = contract.spatial()(stored)
    panels.append(("48 slices, cropped", size(fitted[0].numpy()), fitted[0, int(at * 48)].numpy() / 255))
    low, high = (0 - contract.mean) / contract.std, (1 - contract.mean) / contract.std
    panels.append(("normalized", f"{low:.2f} to {high:.2f}", fitted[0, int(at * 48)].numpy() / 255))
    draw("brain-mri", panels)


if __name__ == "__main__":
    draw_head()
    draw_chest()
    draw_brain()
