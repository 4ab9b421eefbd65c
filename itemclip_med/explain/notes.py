"""What a reader must know of a model before he looks at its maps."""

from __future__ import annotations

import json
from pathlib import Path

from itemclip_med.resources import weights_dir

PHANTOM_NOTE = "This model was trained on phantoms: on scans of patients its scores and heatmaps mean nothing."


def model_notes(model: str | Path) -> list[str]:
    """Sentences about a model, from its card; none for a model without one.

    Args:
        model: folder, hub id or shipped name.
    """
    for path in (Path(model) / "card.json", weights_dir() / str(model) / "card.json"):
        if path.is_file():
            trained_on = json.loads(path.read_text(encoding="utf-8")).get("trained_on", "")
            return [PHANTOM_NOTE] if trained_on == "phantoms" else []
    return []
