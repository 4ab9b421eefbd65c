"""A control that must fail to learn: training on reports that were shuffled between studies.

    python benchmarks/control_shuffled.py OUT [--num-train 256] [--num-test 200] [--epochs 8] [--seeds 5]

Each seed trains the demo's bundle in the quick setting, on the true reports and on reports that were dealt anew, no
study keeping its own (--reports chooses one of the two), and scores the same held-out phantoms. If the mean AUC of the
shuffled runs were not 0.5 within two standard errors, something other than the reports would tell the evaluation what
to find.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from itemclip_med.predict.demo import TASK, DemoSettings, make_stores, train_bundle
from itemclip_med.records import Report
from itemclip_med.store import Store, write_items
from itemclip_med.zeroshot import load_task, run_task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--num-train", type=int, default=256)
    parser.add_argument("--num-test", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--reports", choices=["both", "shuffled", "true"], default="both", help="what to train on")
    parser.add_argument("--json", action="store_true", help="print a list of {name, value, unit} instead of the table")
    args = parser.parse_args()
    settings = DemoSettings(num_train=args.num_train, num_test=args.num_test, epochs=args.epochs)
    stores = make_stores(args.out, settings, say=lambda line: None)
    task = load_task(TASK)
    means: dict[str, list[float]] = {name: [] for name in ("true", "shuffled") if args.reports in (name, "both")}
    for seed in range(args.seeds):
        run_settings = replace(settings, seed=seed)
        for name, values in means.items():
            run_dir = args.out / f"{name}_{seed}"
            store = stores["train"]
            if name == "shuffled":
                store = shuffle_reports(stores["train"], run_dir / "store", seed)
            train_bundle(store, run_dir / "run", run_settings, run_dir / "training.log")
            metrics = run_task(stores["test"], task, run_dir / "run" / "exported" / "last", run_dir / "zeroshot")
            values.append(metrics["mean"]["auc"])
            if not args.json:
                print(f"seed {seed}, {name:8} reports: mean AUC {values[-1]:.3f}", flush=True)
    rows = [(name, np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5) for name, values in means.items()]
    if args.json:
        print(json.dumps([{"name": f"mean AUC, {name} reports", "value": mean, "unit": ""} for name, mean, _ in rows]))
        return
    print(f"\n{args.num_train} studies, {args.epochs} epochs, {args.num_test} held-out studies, {args.seeds} seeds")
    print(f"{'reports':10} {'mean AUC':>9} {'std. error':>11} {'(mean - 0.5) / std. error':>27}")
    for name, mean, error in rows:
        print(f"{name:10} {mean:9.3f} {error:11.4f} {(mean - 0.5) / error:27.1f}")


def shuffle_reports(store: Path, copy: Path, seed: int) -> Path:
    """A copy of a store (its arrays linked, not copied) in which every study has another study's report."""
    if copy.exists():
        shutil.rmtree(copy)
    shutil.copytree(store, copy, copy_function=lambda source, target: os.link(source, target))
    (copy / "items.jsonl").unlink()  # a link: the original must not be written through it
    reports = Store(store).reports
    names = np.random.default_rng(seed).permutation(sorted(reports))
    dealt = (
        Report(str(name), reports[other].items, reports[other].is_normal)
        for name, other in zip(names, np.roll(names, 1), strict=True)
    )
    write_items(copy, dealt)
    return copy


if __name__ == "__main__":
    main()
