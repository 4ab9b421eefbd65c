"""How fast and how small the itemized loss is: ``python benchmarks/bench_loss.py [--quick] [--json] [--cpu-time]``.

Forward and backward of ``ItemizedCLIPLoss`` beside ``plain_loss.py``, which follows the paper's code step by step with
its recomputation; both draw their text columns and masks. Times are the best of a few turns taken alternately in one
process. Memory is the peak resident size above inputs, weights and their gradients, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import MIB, peak, resident, row, start


@dataclass(frozen=True)
class Case:
    """Sizes of one comparison.

    Attributes:
        name: for the table.
        studies: B, on this rank.
        items: K.
        tokens: P.
        all_studies: on all ranks; 0 is one rank.
        max_negatives: as in ``ItemizedCLIPLoss``; the plain form has no cap.
        keep_rate: as in ``ItemizedCLIPLoss``.
        turns: how often each form is timed.
        cpu_time: take the processor time of all threads, not the time that passes.
    """

    name: str
    studies: int
    items: int
    tokens: int
    all_studies: int = 0
    max_negatives: int | None = None
    keep_rate: float = 0.95
    turns: int = 2
    cpu_time: bool = False


CHEST = Case("chest CT, B=16 K=10 P=5880", 16, 10, 5880, turns=1)
BRAIN = Case("brain MRI, B=8 K=7 P=1176", 8, 7, 1176, keep_rate=0.9, turns=5)
SMALL = Case("small, B=4 K=7 P=256", 4, 7, 256, keep_rate=0.9, turns=15)
MANY = Case("262 text columns, B=4 K=7 P=1176", 4, 7, 1176, 256, keep_rate=0.9, turns=3)
CAPPED = replace(MANY, name="the same, max_negatives=64", max_negatives=64)
BASE = Case("base of growth, B=4 K=7 P=1176", 4, 7, 1176, keep_rate=0.9, turns=3)
GROWTH = [
    replace(BASE, name="twice the studies, B=8", studies=8),
    replace(BASE, name="twice the patch tokens, P=2352", tokens=2352),
    replace(BASE, name="twice the items, K=14", items=14),
]
WIDTH, HEADS = 512, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the two smaller cases, once; ends within a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    parser.add_argument("--cpu-time", action="store_true", help="processor time: on a machine with other work to do")
    parser.add_argument("--run", help=argparse.SUPPRESS)  # what a started process does: a task as JSON
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run_task(**json.loads(options.run))))
        return
    cases = [replace(SMALL, turns=5), replace(BRAIN, turns=1)] if options.quick else [CHEST, BRAIN, SMALL, MANY, CAPPED]
    growing = [] if options.quick else [BASE, *GROWTH]
    if not options.json:
        print(f"{'':38s}{'plain':>10s}{'ours':>10s}{'faster':>9s}{'plain':>12s}{'ours':>10s}{'memory':>9s}")
    cases = [replace(case, cpu_time=options.cpu_time) for case in cases]
    growing = [replace(case, cpu_time=options.cpu_time) for case in growing]
    measured = [measure(case, options.threads, told=not options.json) for case in (*cases, *growing)]
    growth = measured[len(cases) :]
    if options.json:
        print(json.dumps([row for found in measured for row in rows_of(found, growth)], indent=1))
        return
    for found in growth[1:]:
        times, sizes = (found[f"ours_{unit}"] / growth[0][f"ours_{unit}"] for unit in ("s", "mib"))
        print(f"{found['name']:38s}{times:.2f} x the time and {sizes:.2f} x the memory of the base")


def measure(case: Case, threads: int, told: bool) -> dict:
    """Times and memory of both forms, each in fresh processes; prints a line of the table where ``told``."""
    found = {"name": case.name} | start(__file__, task="time", case=asdict(case), threads=threads, form="")
    for form in ("plain", "ours"):
        told_task = {"task": "memory", "case": asdict(case), "threads": threads, "form": form}
        found[f"{form}_mib"] = start(__file__, **told_task)["mib"]
    if told:
        print(
            f"{found['name']:38s}{found['plain_s']:8.3f} s{found['ours_s']:8.3f} s"
            f"{found['plain_s'] / found['ours_s']:8.1f}x{found['plain_mib']:8.0f} MiB{found['ours_mib']:6.0f} MiB"
            f"{found['ours_mib'] / found['plain_mib']:8.2f}x",
            flush=True,
        )
    return found


def rows_of(found: dict, growth: list[dict]) -> list[dict]:
    """One case as rows of JSON; growth is told relative to its base."""
    name, rows = found["name"], []
    for unit in ("s", "mib"):
        plain, ours = found[f"plain_{unit}"], found[f"ours_{unit}"]
        kind, shown = {"s": ("time", "s"), "mib": ("extra memory", "MiB")}[unit]
        rows.append(row(f"{name}: {kind}, plain", plain, shown))
        rows.append(row(f"{name}: {kind}", ours, shown, "plain", ours / plain))
        if found in growth[1:]:
            rows.append(
                row(f"{name}: growth of {kind}", ours, shown, growth[0]["name"], ours / growth[0][f"ours_{unit}"])
            )
    return rows


def run_task(task: str, case: dict, threads: int, form: str) -> dict:
    """Inside a started process: time both forms in turns, or find one form's peak."""
    import torch

    torch.set_num_threads(threads)
    sizes = Case(**case)
    if task == "time":
        steps = make_steps(sizes)
        times = {name: [] for name in steps}
        clock = time.process_time if sizes.cpu_time else time.perf_counter
        for turn in range(sizes.turns + 1):
            for name, step in steps.items():
                started = clock()
                step()
                if turn or sizes.tokens > 4000:  # the first turn warms up, where that matters
                    times[name].append(clock() - started)
        return {f"{name}_s": min(taken) for name, taken in times.items()}
    make_steps(replace(sizes, studies=2, tokens=64, all_studies=min(4, sizes.all_studies)))[form]()  # libraries awake
    step = make_steps(sizes)[form]
    before = resident()
    gradients = step()
    return {"mib": (peak() - before - gradients) / MIB}


def make_steps(case: Case) -> dict[str, Callable[[], int]]:
    """Forward and backward of both forms; each returns the size of the gradients in bytes."""
    import torch

    from benchmarks.plain_loss import PlainLoss, PlainPool
    from itemclip_med.losses import ItemizedCLIPLoss, draw_text_columns
    from itemclip_med.losses.gather import GatheredItems
    from itemclip_med.models.pooling import AttentionPool

    class OneRankOfMany(ItemizedCLIPLoss):
        def _gather(self, items, item_mask, is_normal):
            counts = (case.studies, len(others)) if len(others) else (case.studies,)
            return GatheredItems(torch.cat([items, others]), all_mask, all_normal, counts, 0)

    torch.manual_seed(0)
    pool = AttentionPool(WIDTH, HEADS)
    plain_pool = PlainPool(WIDTH, HEADS).load_pool(pool)
    all_studies = case.all_studies or case.studies
    others = torch.randn(all_studies - case.studies, case.items, WIDTH)
    all_mask, all_normal = torch.ones(all_studies, case.items), torch.zeros(all_studies)
    leaves = [
        torch.randn(case.studies, case.tokens, WIDTH),
        torch.randn(case.studies, WIDTH),
        torch.randn(case.studies, case.items, WIDTH),
        torch.tensor(10.0),
        torch.tensor(-10.0),
    ]
    for leaf in leaves:
        leaf.requires_grad_()
    tokens, images, items, scale, bias = leaves
    settings = {"mps": 0.1, "key_share": 0.05, "worst_positive_factor": 1.5}
    loss = OneRankOfMany(keep_rate=case.keep_rate, max_negatives=case.max_negatives, **settings)
    plain = PlainLoss(**settings)

    def step_plain():
        columns = draw_text_columns(all_mask)[: case.studies]
        shape = (case.studies, HEADS, columns.shape[1], case.tokens)
        keep = torch.full(shape, case.keep_rate).bernoulli()
        everyone = torch.cat([items, others])
        total = plain(plain_pool, tokens, images, everyone, all_mask, all_normal, scale, bias, columns, keep)
        del keep
        return finish(total, plain_pool)

    def step_ours():
        total = loss(
            image_tokens=tokens, image_features=images, item_features=items, item_mask=all_mask[: case.studies],
            is_normal=all_normal[: case.studies], pool=pool, logit_scale=scale, logit_bias=bias,
        )["total"]  # fmt: skip
        return finish(total, pool)

    def finish(total, module):
        total.backward()
        parameters = [*leaves, *module.parameters()]
        size = sum(value.grad.nbytes for value in parameters)
        for value in parameters:
            value.grad = None
        return size

    return {"plain": step_plain, "ours": step_ours}


if __name__ == "__main__":
    main()
