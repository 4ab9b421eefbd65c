"""ItemizedCLIP, its ablations and its rivals on head CT phantoms, at equal compute.

    python benchmarks/science.py OUT            every run that has no result yet, in a fixed order; again to go on
    python benchmarks/science.py OUT --quick    three small runs, in minutes; nothing is kept beside OUT
    python benchmarks/science.py OUT --only siglip --seed 1
    python benchmarks/science.py OUT --results DIR     from nothing, whatever benchmarks/results holds
    python benchmarks/science.py --table [--write docs/concepts/science.md]

OUT gets phantoms (DICOM), stores, models and logs, made from seeds alone; each finished run leaves one JSON file in
benchmarks/results. All runs have the same studies, steps, model and first weights of the text encoder, and are asked
the same words; only the loss and the texts that it is given differ (``science_methods.py``).
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.science_data import content_digest, test_store, training_store  # noqa: E402
from benchmarks.science_methods import METHODS, QUICK, Method, Sizes, shared_settings  # noqa: E402
from benchmarks.science_table import read_results, tables, write_into  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = ("torch", "monai", "numpy", "transformers")
MEASUREMENTS = ("usual", "maps", "hard", "normal-heavy", "pairs", "words")


@dataclass(frozen=True)
class Paths:
    """Where a run's files are.

    Attributes:
        out_dir: phantoms, stores and all runs.
        results: folder of the results.
        name: of the run.
    """

    out_dir: Path
    results: Path
    name: str

    @property
    def run_dir(self) -> Path:
        """What training wrote."""
        return self.out_dir / "runs" / self.name

    @property
    def model(self) -> Path:
        """The trained model."""
        return self.run_dir / "exported" / "last"

    @property
    def result(self) -> Path:
        """The JSON file."""
        return self.results / f"{self.name}.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", help="folder for phantoms, stores, models and logs")
    parser.add_argument("--only", choices=list(METHODS), help="this method alone")
    parser.add_argument("--seed", type=int, help="this seed alone")
    parser.add_argument("--quick", action="store_true", help="three small runs, in minutes")
    parser.add_argument("--measure", action="store_true", help="train nothing, measure what finished runs lack")
    parser.add_argument("--tests", help="these measurements alone, comma between them: " + ", ".join(MEASUREMENTS))
    parser.add_argument("--results", type=Path, help="folder of the results, benchmarks/results if not given")
    parser.add_argument("--table", action="store_true", help="print the tables of the results that are there")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="with --table: put them into a page of the docs")
    args = parser.parse_args()
    if args.table:
        show_tables(args.results or RESULTS, args.write)
        return
    if args.out is None:
        parser.error("give OUT, a folder for phantoms, stores and models")
    out_dir = args.out.absolute()
    results = args.results or (out_dir / "results" if args.quick else RESULTS)
    sizes = QUICK if args.quick else Sizes()
    wanted = MEASUREMENTS if args.tests is None else tuple(args.tests.split(","))
    if set(wanted) - set(MEASUREMENTS):
        parser.error(f"--tests {args.tests}: expected some of {', '.join(MEASUREMENTS)}")
    for name, seed in chosen_runs(sizes, args.only, args.seed):
        paths = Paths(out_dir, results, f"{name}_{seed}")
        if not (args.measure and not paths.result.is_file()):
            run(METHODS[name], seed, sizes, paths, wanted, quick=args.quick)


def show_tables(results: Path, page: Path | None) -> None:
    text = tables(read_results(results))
    if page is None:
        print(text, end="")
    else:
        write_into(page, text)


def chosen_runs(sizes: Sizes, only: str | None, seed: int | None) -> list[tuple[str, int]]:
    """Methods and seeds to run; one that was asked for by name may have any seed."""
    if only is not None and seed is not None:
        return [(only, seed)]
    return [run for run in sizes.runs if only in (None, run[0]) and seed in (None, run[1])]


def run(method: Method, seed: int, sizes: Sizes, paths: Paths, wanted: Sequence[str], *, quick: bool) -> None:
    """Train and measure one method with one seed; what an earlier call has done is not done again."""
    if paths.result.is_file():
        result = json.loads(paths.result.read_text(encoding="utf-8"))
    else:
        say(f"{method.title}, seed {seed}: training …")
        result = begin(method, seed, sizes, quick=quick) | train(method, seed, sizes, paths)
        write_result(paths.result, result)
    for name in missing(result, wanted):
        if not paths.model.is_dir():
            say(f"{method.title}, seed {seed}: {paths.model} is gone, so {name} is not measured")
            return
        say(f"{method.title}, seed {seed}: {name} …")
        measure(result, name, sizes, paths)
        write_result(paths.result, result)


def begin(method: Method, seed: int, sizes: Sizes, *, quick: bool) -> dict[str, Any]:
    """What is known of a run before it starts."""
    return {
        "method": method.name,
        "seed": seed,
        "quick": quick,
        "baseline": method.baseline,
        "changes": dict(method.changes),
        "shared": shared_settings(sizes, method.length),
        "num_train_drawn": sizes.num_train,
        "num_test": sizes.num_test,
        "revision": revision(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "day": time.strftime("%Y-%m-%d"),
        "cpu_seconds": {},
        "tests": {},
    }


def train(method: Method, seed: int, sizes: Sizes, paths: Paths) -> dict[str, Any]:
    """Train a method with MONAI's own command.

    Returns:
        Steps, studies, parameters, digest of the data, and the processor seconds.
    """
    from itemclip_med.predict.demo import DemoSettings, train_bundle
    from itemclip_med.resources import bundles_dir
    from itemclip_med.store import Store

    store, run_dir = training_store(paths.out_dir, sizes, say), paths.run_dir
    shutil.rmtree(run_dir, ignore_errors=True)
    run_dir.mkdir(parents=True)
    overlay = run_dir / "settings.json"
    overlay.write_text(
        json.dumps(shared_settings(sizes, method.length) | dict(method.changes), indent=1), encoding="utf-8"
    )
    configs = [overlay]
    if method.baseline:
        configs.insert(0, bundles_dir() / "head_ct_itemclip" / "configs" / method.baseline)
    settings = DemoSettings(epochs=sizes.epochs * method.length, seed=seed, configs=tuple(map(str, configs)))
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    train_bundle(store, run_dir, settings, run_dir / "training.log")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    shutil.rmtree(run_dir / "checkpoints")
    return {
        "cpu_seconds": {"train": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime},
        "seconds": time.monotonic() - start,
        "num_steps": int((run_dir / "losses.csv").read_text(encoding="utf-8").splitlines()[-1].split(",")[1]),
        "num_train": len(Store(store).studies),
        "data_digest": content_digest(store),
        "num_parameters": num_parameters(paths.model),
    }


def num_parameters(model: Path) -> int:
    from itemclip_med.models import ItemizedCLIP

    return sum(parameter.numel() for parameter in ItemizedCLIP.from_pretrained(model).parameters())


def missing(result: dict[str, Any], wanted: Sequence[str]) -> list[str]:
    """What was not measured yet, in order."""
    return [name for name in MEASUREMENTS if name in wanted and name not in result["cpu_seconds"]]


def measure(result: dict[str, Any], name: str, sizes: Sizes, paths: Paths) -> None:
    """Add one measurement to a result, with its processor seconds."""
    from benchmarks.science_harder import score_pairs, score_words
    from benchmarks.science_tests import measure_maps, score_test

    source = {"maps": "usual", "words": "usual", "pairs": "compositional"}.get(name, name)
    data = test_store(paths.out_dir, source, sizes, say)
    start = time.process_time()
    if name == "maps":
        result["maps"] = measure_maps(data, paths.model, sizes.num_maps)
    elif name == "pairs":
        result["pairs"] = score_pairs(data, paths.model)
    elif name == "words":
        result["words"] = score_words(data, paths.model)
    else:
        result["tests"][name] = score_test(data, paths.model, paths.run_dir / "tests" / name)
    result["cpu_seconds"][name] = time.process_time() - start


def revision() -> str:
    """The commit, with a plus where the package or its bundles were changed since."""
    found = [
        subprocess.run(["git", *command], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
        for command in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--", "itemclip_med", "bundles"])
    ]
    return found[0] + ("+" if found[1] else "")


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a result whole or not at all, numbers rounded to what they are worth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(_rounded(result), indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return round(value, 5) if isinstance(value, float) else value


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    main()
