"""Do heatmaps find the lesions of phantoms? Hit rate, AUPRC, Dice by finding, beside a model of shuffled weights.

    python benchmarks/bench_explain.py [--num 150] [--model head_ct_phantom] [--method attention]
        [--controls 3] [--blank] [--json FILE] [--quick]

With ``--blank`` also what the scores lose when the patches that hold the lesion are blanked, and when as many are
blanked that the map points at. Phantoms of a seed that no shipped model was trained on are made and preprocessed in a
temporary folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import torch

from itemclip_med.explain.evaluate import evaluate_maps, format_evaluation, read_bits, read_masks
from itemclip_med.explain.heatmap import LoadedStudy
from itemclip_med.explain.localization import patch_numbers
from itemclip_med.explain.patch_maps import occluded
from itemclip_med.models import ItemizedCLIP
from itemclip_med.phantoms.export import PhantomSet, export_head_ct
from itemclip_med.preprocess import run_recipe
from itemclip_med.store import Store
from itemclip_med.zeroshot import load_task

SEED = 77
MAX_LESION_PATCHES = 4  # those that hold most of it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=150)
    parser.add_argument("--model", default="head_ct_phantom")
    parser.add_argument("--method", default="attention")
    parser.add_argument("--controls", type=int, default=3)
    parser.add_argument("--blank", action="store_true", help="what blanking patches does to the scores")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a few phantoms, one control")
    args = parser.parse_args()
    num, controls = (6, 1) if args.quick else (args.num, args.controls)
    findings = load_task("cq500-10").findings
    with tempfile.TemporaryDirectory() as folder:
        source, store = Path(folder) / "phantoms", Path(folder) / "store"
        export_head_ct(source, PhantomSet(num=num, seed=SEED, layout="cq500", size="demo"))
        run_recipe("cq500", source / "cq500", store, workers=1, show_progress=False)
        values = evaluate_maps(store, source / "truth", args.model, findings, method=args.method, num_controls=controls)
        if args.blank:
            print_blanked(
                Store(store), source / "truth", ItemizedCLIP.from_pretrained(args.model), findings, args.method
            )
    print(f"{values['num_studies']} phantoms of seed {SEED}, {args.model}, {args.method}; {controls} controls")
    print(format_evaluation(values))
    if args.json:
        args.json.write_text(json.dumps(_entries(values), indent=1), encoding="utf-8")


def print_blanked(store: Store, truth: Path, model: ItemizedCLIP, findings, method: str) -> None:
    """Mean scores of findings that are there: as they are, without what the map shows, without the lesion."""
    bits = read_bits(truth)
    rows: dict[str, list[tuple[float, ...]]] = {finding.name: [] for finding in findings if finding.name in bits}
    for study in store.studies:
        masks = read_masks(truth, study, bits)
        loaded = LoadedStudy.load(store, study.study_id, model)
        for finding in findings:
            if finding.name in rows and masks[finding.name].any():
                rows[finding.name].append(_blanked(loaded, finding.prompts[0], masks[finding.name], method))
    print("| finding | studies | score | without what the map shows | without the lesion |\n|---|---:|---:|---:|---:|")
    for name, found in rows.items():
        if found:
            print(f"| {name} | {len(found)} | " + " | ".join(f"{value:.3f}" for value in np.mean(found, axis=0)) + " |")
    print()


def _blanked(loaded: LoadedStudy, prompt: str, mask: np.ndarray, method: str) -> tuple[float, ...]:
    texts = loaded.embed([prompt])
    (heatmap, *_) = loaded.heatmaps([prompt], loaded.map(texts, method), method)
    numbers = patch_numbers(heatmap, mask.shape)
    counts = np.bincount(numbers[mask & (numbers >= 0)], minlength=heatmap.patches.size)
    lesion = [index for index in np.argsort(-counts)[:MAX_LESION_PATCHES] if counts[index]]
    shown = np.argsort(-heatmap.patches.ravel())[: len(lesion)]
    image, grid, names = loaded.batch["image"], heatmap.patches.shape, list(loaded.batch["series"])

    def boxes(indices):
        places = (np.unravel_index(int(index), grid) for index in indices)
        return [(0, *(slice(int(at), int(at) + 1) for at in place)) for place in places]

    images = torch.cat([image, occluded(image, grid, boxes(shown)), occluded(image, grid, boxes(lesion))])
    with torch.inference_mode():
        encoding = loaded.model.encode_study(images, names * 3, loaded.batch["series_mask"].expand(3, -1))
        return tuple(loaded.model.score(encoding, texts)[:, 0].tolist())


def _entries(values: dict) -> list[dict]:
    return [
        {
            "name": f"{name} {measure}",
            "value": row["model"][measure],
            "unit": "share",
            "ratio_to": "shuffled weights" if "control" in row else None,
            "ratio": row["model"][measure] / max(row["control"][measure], 1e-9) if "control" in row else None,
        }
        for name, row in values["findings"].items()
        for measure in ("hit", "auprc", "dice")
    ]


if __name__ == "__main__":
    main()
