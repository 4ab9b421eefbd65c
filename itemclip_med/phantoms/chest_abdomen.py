"""The top of the abdomen under the diaphragm: liver, stomach with its bubble, spleen, vena cava."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from itemclip_med.phantoms.chest_mediastinum import blood_hu
from itemclip_med.phantoms.chest_shape import ChestShape, Place, dome
from itemclip_med.phantoms.fields import Field, capsule, cover, ellipsoid, smooth_min

if TYPE_CHECKING:
    from itemclip_med.phantoms.canvas import Canvas


def paint_abdomen(canvas: Canvas, shape: ChestShape, inner: Field) -> None:
    """Paint what lies under the diaphragm into fat.

    Args:
        canvas: receives the HU.
        shape: the chest.
        inner: signed distance to the inside of the ribs.
    """
    part = canvas.box((-150, -110, -290), (150, 110, shape.dome_mm + 6))
    at = Place(canvas.x[part], canvas.y[part], canvas.z[part])
    if not at.x.size:
        return
    x, y, z = at
    hu, soft = blood_hu(shape), canvas.soft_mm
    grain, drift = canvas.grain[part], canvas.drift[part]
    roof = np.maximum((z - dome(at, shape)) * np.float32(0.72), inner[part])  # negative under the diaphragm
    muscle = cover(np.abs(roof + np.float32(1.5)) - np.float32(1.5), soft)
    canvas.blend(part, muscle * cover(inner[part] + 1, soft), 45.0)
    below = roof + np.float32(3.2)
    # The liver fills the right side and thins out toward the left.
    left_end = ellipsoid(x, y, z, (-10, 40, shape.dome_mm - 22), (64, 40, 34))
    liver = smooth_min(ellipsoid(x, y, z, (66, 4, shape.dome_mm - 62), (88, 106, 96)), left_end, 14)
    liver = -smooth_min(-liver, -(np.float32(16) - np.float32(0.74) * y - np.float32(0.67) * (x + 30)), 24)
    liver = np.maximum(liver, below)
    value = np.float32(hu["liver"]) + 3 * grain + 2 * drift
    canvas.blend(part, cover(liver, soft), value)
    vessel_hu = hu["pv"] - 40 if shape.phase == "arterial" else hu["sv"] + (12 if shape.phase == "venous" else -6)
    top = shape.dome_mm
    for end in ((78, 30, top - 34), (92, -14, top - 40), (34, 44, top - 36)):  # hepatic veins
        rod = capsule(x, y, z, (24, -8, top - 18), end, (5.5, 2.6))
        canvas.blend(part, cover(np.maximum(rod, liver + 3), soft), vessel_hu)
    cava = capsule(x, y, z, (22, 2, HEART_FOOT), (17, -10, -300), (12.5, 11.5))
    canvas.blend(part, cover(cava, soft), hu["sv"] if shape.phase != "pulmonary" else 90.0)
    left_top = shape.dome_mm - shape.left_dome_mm
    spleen = ellipsoid(x + np.float32(0.25) * y, y, z, (-104, -52, left_top - 50), (28, 46, 52))
    spleen = np.maximum(spleen, below)
    canvas.blend(part, cover(spleen, soft), hu["spleen"])
    _paint_stomach(canvas, shape, part, at, np.maximum(below, np.maximum(3 - spleen, 4 - liver)))
    # Crura beside the aorta.
    side = np.abs(x + 4)
    crus = capsule(side, y, z, (15, -14, -150), (12, -32, -300), (5.5, 6.0))
    canvas.blend(part, cover(np.maximum(crus, below), soft), 48.0)


HEART_FOOT = -92.0  # z at which the vena cava enters the heart


def _paint_stomach(canvas: Canvas, shape: ChestShape, part: tuple[slice, ...], at: Place, limit: Field) -> None:
    x, y, z = at
    k = shape.stomach
    top = shape.dome_mm - shape.left_dome_mm
    body = ellipsoid(x, y, z, (-62, -6, top - 38 * k), (42 * k, 48 * k, 42 * k))
    outlet = capsule(x, y, z, (-58, 10, top - 60), (-30, 46, top - 130), (28 * k, 22 * k))
    body = np.maximum(smooth_min(body, outlet, 14), limit)
    canvas.blend(part, cover(body, canvas.soft_mm), 45.0)
    inside = cover(body + 3.6, canvas.soft_mm)
    canvas.blend(part, inside, np.float32(22) + np.float32(9) * canvas.drift[part])
    level = np.float32(14 * (1.4 - k))  # in the supine patient gas rises to the front
    canvas.blend(part, inside * cover(level - y, max(1.0, 0.5 * canvas.soft_mm)), -985.0)
