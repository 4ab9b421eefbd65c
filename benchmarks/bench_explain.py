"""Do heatmaps find the lesions of phantoms? Hit rate, AUPRC, Dice by finding, beside a model of shuffled weights.

    python benchmarks/bench_explain.py [--num 150] [--model head_ct_phantom] [--method attention]
        [--json FILE] [--quick]

Phantoms of a seed that no shipped model was trained on are made and preprocessed in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from itemclip_med.explain.evaluate import evaluate_maps, format_evaluation
from itemclip_med.phantoms.export import PhantomSet, export_head_ct
from itemclip_med.preprocess import run_recipe
from itemclip_med.zeroshot import load_task

SEED = 77


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=150)
    parser.add_argument("--model", default="head_ct_phantom")
    parser.add_argument("--method", default="attention")
    parser.add_argument("--controls", type=int, default=3)
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
    print(f"{values['num_studies']} phantoms of seed {SEED}, {args.model}, {args.method}; {controls} controls")
    print(format_evaluation(values))
    if args.json:
        args.json.write_text(json.dumps(_entries(values), indent=1), encoding="utf-8")


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
