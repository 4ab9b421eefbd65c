"""The model card of a published bundle: what it is, what it was trained on, how good it is, where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from itemclip_med.training.publish import Publication

_CARD = """---
{front}
---

# {name}

{description}

**{intended_use}**

## Use

```python
from itemclip_med.models import ItemizedCLIP

model = ItemizedCLIP.from_pretrained("FOLDER_OR_HUB_ID")
```

```bash
itemclip-med predict STUDY --bundle FOLDER -o out
python -m monai.bundle run inference --config_file FOLDER/configs/inference.json --bundle_root FOLDER \\
    --source STUDY --output_dir scores
```

STUDY is a folder, zip or tar of DICOM, or NIfTI. The package is `itemclip-med` {package}; versions are in
`configs/metadata.json`, everything else in `docs/README.md`.

## Trained on

{trained_on}

## Results

{results}

## Limits

{limits}

## License

Code and configuration: Apache-2.0 (`LICENSE`). Weights: {weights}

```text
{data_license}
```
"""


def model_card(
    bundle: str, metadata: Mapping[str, Any], readme: str, data_license: str, publication: Publication
) -> str:
    """The card, Markdown with the front matter that hubs read.

    Args:
        bundle: name of the bundle.
        metadata: its ``metadata.json``.
        readme: its README, from which the limits are taken.
        data_license: its data license.
        publication: what is said of the weights.
    """
    front = ["library_name: itemclip_med", f"license: {publication.license_id}"]
    if publication.license_id == "other":
        front += ["license_name: see-data-license", "license_link: docs/data_license.txt"]
    tags = ["medical", "monai", "radiology", "vision-language", bundle]
    front += ["pipeline_tag: zero-shot-image-classification", "tags:", *(f"- {tag}" for tag in tags)]
    weights = (
        "the terms of the data they were trained on, below."
        if publication.license_id == "other"
        else f"{publication.license_id}, and the terms of the data they were trained on, below."
    )
    return _CARD.format(
        front="\n".join(front),
        name=metadata["name"],
        description=metadata["description"],
        intended_use=metadata["intended_use"],
        package=metadata["required_packages_version"]["itemclip-med"],
        trained_on=publication.trained_on or "Not stated by whoever made this copy.",
        results=performance_text(publication.metrics),
        limits=section_of(readme, "Limitations"),
        weights=weights,
        data_license=data_license.strip(),
    )


def section_of(markdown: str, title: str) -> str:
    """The text below ``## title``, up to the next section; "" where there is none."""
    _, found, rest = markdown.partition(f"## {title}\n")
    return rest.split("\n## ", 1)[0].strip() if found else ""


def performance_text(metrics: Mapping[str, Any] | None) -> str:
    """Results of an evaluation as Markdown: a sentence, and a table of AUC with intervals."""
    if metrics is None:
        return "No evaluation was given when this copy was made."
    mean = metrics["mean"].get("auc")
    shown = "undefined" if mean is None else f"{mean:.3f}"
    lines = [
        f"Task {metrics['task']}, {metrics['num_studies']} studies, zero-shot: mean AUC {shown}.",
        "",
        "| finding | positive | negative | AUC | 95 % interval |",
        "|---|---|---|---|---|",
    ]
    for name, row in metrics["findings"].items():
        auc, interval = row.get("auc"), row.get("auc_ci")
        cells = [
            name,
            str(row["num_positive"]),
            str(row["num_negative"]),
            "undefined" if auc is None else f"{auc:.3f}",
            f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
