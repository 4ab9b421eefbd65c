"""Draw docs/images/phantoms-head-ct.png: ``python tools/draw_head_phantoms.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from itemclip_med.phantoms.head_ct import make_head_ct

OUT = Path(__file__).resolve().parent.parent / "docs" / "images" / "phantoms-head-ct.png"
SHOWN = (
    ("EDH", 3), ("SDH", 5), ("IPH", 7), ("SAH", 2), ("IVH", 11), ("ChronicBleed", 4), ("Fracture", 6),
    ("MassEffect", 9),
)  # fmt: skip
SIDE, TITLE, COLUMNS = 160, 20, 4


def panel(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The slice with most of a finding, and the same with the finding in orange: (rows, columns, 3)."""
    wanted = ["IPH", "MassEffect", "MidlineShift"] if name == "MassEffect" else [name]
    phantom = make_head_ct(seed, 0, size="clinical", findings=wanted)
    mask = phantom.masks["IPH" if name == "MassEffect" else name]
    z = int(mask.sum(axis=(0, 1)).argmax())
    low, high = (-200, 1200) if "Fracture" in name else (-10, 100)
    gray = np.clip((phantom.volume_hu[::-1, ::-1, z].T.astype(np.float32) - low) / (high - low), 0, 1)
    image = np.repeat((gray * 255)[..., None], 3, axis=2)
    marked = image.copy()
    inside = mask[::-1, ::-1, z].T
    marked[inside] = 0.45 * marked[inside] + 0.55 * np.array([255, 140, 20])
    return image.astype(np.uint8), marked.astype(np.uint8)


def main() -> None:
    """Draw eight findings, each beside its mask."""
    rows = -(-len(SHOWN) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * (2 * SIDE + 10), rows * (SIDE + TITLE + 6)), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for number, (name, seed) in enumerate(SHOWN):
        row, column = divmod(number, COLUMNS)
        left, top = column * (2 * SIDE + 10), row * (SIDE + TITLE + 6)
        pen.text((left, top + 2), name, (34, 39, 46), font)
        for half, values in enumerate(panel(name, seed)):
            image = Image.fromarray(values)
            scale = SIDE / max(image.size)
            image = image.resize([round(n * scale) for n in image.size], Image.Resampling.BILINEAR)
            canvas.paste(image, (left + half * SIDE + (SIDE - image.width) // 2, top + TITLE))
    canvas.quantize(128).save(OUT, optimize=True)
    print(f"{OUT.name}: {OUT.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
