"""Make a shipped head-CT phantom model anew: phantoms, store, a longer training, its table on phantoms of another seed.

    python benchmarks/train_weights.py build/weights [--num-train 4500] [--num-test 400] [--epochs 45] [--seed 1]

The folder ``head_ct_phantom`` in the output is what ``itemclip_med/weights`` holds: float16 safetensors, configuration,
tokenizer, preprocessing, and ``card.json`` with the command, seed, data digest and table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from itemclip_med import __version__
from itemclip_med.models import ItemizedCLIP
from itemclip_med.predict import DemoSettings, run_demo
from itemclip_med.store import Store
from itemclip_med.zeroshot import load_task, run_task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--num-train", type=int, default=4500)
    parser.add_argument("--num-test", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    settings = DemoSettings(
        num_train=args.num_train,
        num_test=args.num_test,
        epochs=args.epochs,
        seed=args.seed,
        num_pictures=5,
        overrides=(("val_share", "0.05"),),
    )
    result = run_demo(args.out, settings)
    folder = ship(result.model, args.out / "head_ct_phantom")
    stores = args.out / "stores"
    metrics = run_task(stores / "test", load_task("cq500-10"), folder, args.out / "zeroshot_float16", batch_size=32)
    command = (
        f"python benchmarks/train_weights.py OUT --num-train {args.num_train} --num-test {args.num_test} "
        f"--epochs {args.epochs} --seed {args.seed}"
    )
    write_card(folder, metrics, command, {name: Store(stores / name).digest() for name in ("train", "test")})
    print(result.report)
    print(f"\n{folder}: {(folder / 'model.safetensors').stat().st_size / 1e6:.1f} MB")


def ship(model: Path, folder: Path) -> Path:
    """Save a trained model in float16."""
    ItemizedCLIP.from_pretrained(model).save_pretrained(folder, dtype="float16")
    return folder


def write_card(folder: Path, metrics: dict, command: str, digests: dict[str, str]) -> None:
    """Write what made the model and how it does on held-out phantoms."""
    card = {
        "trained_on": "phantoms",
        "use": "trying the software; scores and heatmaps on scans of patients mean nothing",
        "release": __version__,
        "command": command,
        "store_digests": digests,
        "held_out": {
            "num_studies": metrics["num_studies"],
            "mean_auc": metrics["mean"]["auc"],
            "mean_auc_ci": metrics["mean"]["auc_ci"],
            "auc": {name: numbers["auc"] for name, numbers in metrics["findings"].items()},
        },
    }
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
