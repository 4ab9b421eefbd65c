"""Make every picture of docs/gallery.md: ``python tools/draw_gallery.py``; minutes on two cores, nothing to download.

The commands below run in a temporary folder, as a user would type them; pages are photographed by a headless Chromium,
which has to be installed.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from itemclip_med.records import Study
from itemclip_med.store import Store

Place = tuple[float, float, float]

OUT_DIR = Path(__file__).resolve().parent.parent / "docs" / "images" / "gallery"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
COMMANDS = """
phantom make head-ct head --num 12 --seed 9 --layout cq500
phantom make chest-ct chest --num 6 --seed 2 --layout ct-rate
phantom make brain-mri brain --num 6 --seed 1 --layout pub-brain-5
preprocess dataset head/cq500 heads --recipe cq500 --reports head/reports.jsonl
preprocess dataset chest chests --recipe ct_rate
preprocess dataset brain/pub_brain_5 brains --recipe pub_brain_5
zeroshot run heads --task cq500-10 --model head_ct_phantom -o scores
explain heads CQ500-CT-1 --item "epidural hematoma" --item "midline shift" --format html --format png -o maps
reports itemize head/reports.jsonl -o items.jsonl
reports audit head/reports.jsonl --items items.jsonl -o audit.html
"""
DOMAINS = (
    ("heads", "head", "head-ct", (-10, 90)),
    ("chests", "chest", "chest-ct", (-1100, 300)),
    ("brains", "brain", "brain-mri", None),
)  # store, its source, picture, lowest and highest value shown
SIDE, GAP, TITLE = 150, 6, 22  # pixels of a panel, between panels, above a row
INK = (34, 39, 46)


def main() -> None:
    """Run the commands, draw the strips, photograph the pages."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, help="folder to work in, kept; what a command wrote there is used again")
    work = parser.parse_args().work
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("no chromium: install it (Debian: apt-get install chromium)")
    OUT_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gallery_") as name:
        folder = Path(name) if work is None else work
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "audit.html").exists():  # what the last command writes
            for line in COMMANDS.strip().splitlines():
                print(f"itemclip-med {line}", flush=True)
                run(line, folder)
        for store, source, picture, window in DOMAINS:
            draw_store(folder / store, folder / source / "truth", window, OUT_DIR / f"{picture}.png")
        for number, path in enumerate(sorted((folder / "maps").glob("*.png")), 1):
            keep(Image.open(path), OUT_DIR / f"heatmap-{number}.png", width=900)
        photograph(browser, folder / "maps" / "study.html", OUT_DIR / "page.png", 1600, 930)
        photograph(browser, folder / "audit.html", OUT_DIR / "audit.png", 1100, 760)
        photograph(browser, folder / "scores" / "report.html", OUT_DIR / "report.png", 1100, 1300)
        photograph(browser, folder / "heads.quality.html", OUT_DIR / "quality.png", 1100, 820)


def run(line: str, folder: Path) -> None:
    """One command of the program, quietly."""
    command = [sys.executable, "-m", "itemclip_med.cli.main", *shlex.split(line)]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def draw_store(path: Path, truth: Path, window: tuple[float, float] | None, out: Path, most: int = 4) -> None:
    """Studies of different patients with something to see: three planes through the middle of it, and the findings."""
    store = Store(path)
    chosen: dict[str | None, tuple[Study, Place]] = {}
    for study in store.studies:
        place = place_of(truth, study)
        if place is not None and study.patient_id not in chosen and len(chosen) < most:
            chosen[study.patient_id] = (study, place)
    canvas = Image.new("RGB", (2 * (3 * (SIDE + GAP) + 2 * GAP), -(-len(chosen) // 2) * (SIDE + TITLE + GAP)), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(12)
    for number, (study, place) in enumerate(chosen.values()):
        left, top = number % 2 * (3 * (SIDE + GAP) + 2 * GAP), number // 2 * (SIDE + TITLE + GAP)
        found = ", ".join(name for name, label in (study.labels or {}).items() if label)
        pen.text((left, top + 4), found if len(found) < 66 else found[:64] + " …", INK, font)
        for plane, image in enumerate(planes(store, study, place, window)):
            canvas.paste(image, (left + plane * (SIDE + GAP), top + TITLE))
    keep(canvas, out)


def place_of(truth: Path, study: Study) -> Place | None:
    """The middle of a study's largest finding, RAS in mm; None where it has none, or no mask of that name is there."""
    name = study.study_id.replace("/", "_")
    paths = [path for path in truth.glob("*.nii.gz") if path.name.split(".")[0] in name]
    if not paths or not any((study.labels or {}).values()):
        return None
    mask = nib.load(max(paths, key=lambda path: len(path.name)))
    inside = np.argwhere(np.asarray(mask.dataobj) > 0)
    if not len(inside):
        return None
    middle = inside[np.abs(inside - inside.mean(axis=0)).sum(axis=1).argmin()]
    x, y, z = (mask.affine @ [*middle, 1])[:3]
    return x, y, z


def planes(store: Store, study: Study, place: Place, window: tuple[float, float] | None) -> list[Image.Image]:
    """Axial, coronal and sagittal plane of a study's first series through a place, the patient's right at the left."""
    series = study.series[0]
    affine, array = np.array(series.affine), store.read(series)
    change = nib.orientations.ornt_transform(nib.io_orientation(affine), nib.orientations.axcodes2ornt("LAS"))
    turned = nib.orientations.apply_orientation(array, change)
    back = affine @ nib.orientations.inv_ornt_aff(change, array.shape)
    index = np.clip(np.rint(np.linalg.inv(back) @ [*place, 1])[:3].astype(int), 0, np.array(turned.shape) - 1)
    low, high = window or np.percentile(array, [0.5, 99.5])
    spacing = np.linalg.norm(back[:3, :3], axis=0)
    images = []
    for axis in (2, 1, 0):
        plane = np.take(turned, index[axis], axis=axis).T[::-1].astype(np.float32)
        across, up = (spacing[other] * turned.shape[other] for other in range(3) if other != axis)
        shades = Image.fromarray((np.clip((plane - low) / (high - low), 0, 1) * 255).astype(np.uint8))
        scale = SIDE / max(across, up)
        image = shades.resize((round(across * scale), round(up * scale)), Image.Resampling.BILINEAR)
        panel = Image.new("L", (SIDE, SIDE), 0)
        panel.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2))
        images.append(panel)
    return images


def photograph(browser: str, page: Path, out: Path, width: int, height: int) -> None:
    """The top of a page as a picture."""
    shot = page.with_suffix(".shot.png")
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=8000"]
    command = [browser, *options, f"--window-size={width},{height}", f"--screenshot={shot}", page.resolve().as_uri()]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    keep(Image.open(shot), out, width=1200)


def keep(image: Image.Image, out: Path, width: int | None = None, colors: int = 200) -> None:
    """Write a picture with few colors, no wider than ``width`` pixels."""
    image = image.convert("RGB")
    if width is not None and image.width > width:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image.quantize(colors, kmeans=1).save(out, optimize=True)
    print(f"{out.name}: {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
