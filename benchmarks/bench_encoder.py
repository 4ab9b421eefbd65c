"""How fast and how small the image tower is: ``python benchmarks/bench_encoder.py [--quick] [--json]``.

One study through the published image towers (ViT-B) beside MONAI's ViT of the same size, which lets every patch token
see every other: series are laid end to end for it, so that both work on the same tokens, and its blocks are switched to
scaled-dot-product attention, which MONAI's ViT leaves off. No gradients, float32. Times
are the best of a few turns taken alternately in one process; memory is the peak resident size above weights and
input, each in a process of its own. The share of the peak relates our multiplications to the fastest large matrix
product measured beside them. A second table holds our tower's switches: compiled, bfloat16, and a training step with
and without recomputation.
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
    """One study.

    Attributes:
        name: for the table.
        preset: the published model.
        series: N.
        turns: how often each tower is timed.
    """

    name: str
    preset: str
    series: int
    turns: int = 2


CASES = (
    Case("1 series of 48x224x224", "head_ct", 1, turns=3),
    Case("4 series of 48x224x224", "head_ct", 4),
    Case("10 series of 48x224x224", "head_ct", 10, turns=1),
    Case("1 scan of 112x336x336", "chest_ct", 1),
)

VARIANTS = {
    "forward": {},
    "forward, torch.compile": {"compiled": True},
    "forward, bfloat16": {"half": True},
    "training step": {"training": True},
    "training step, torch.compile": {"training": True, "compiled": True},
    "training step, gradient checkpointing": {"training": True, "recompute": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest case, once; ends within a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    parser.add_argument("--run", help=argparse.SUPPRESS)  # what a started process does: a task as JSON
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run_task(**json.loads(options.run))))
        return
    cases = [replace(CASES[0], turns=1)] if options.quick else CASES
    rows = []
    if not options.json:
        print(
            f"{'':26s}{'MONAI':>10s}{'ours':>10s}{'faster':>9s}{'MONAI':>12s}{'ours':>10s}{'memory':>9s}{'of peak':>9s}"
        )
    for case in cases:
        task = {"case": asdict(case), "threads": options.threads}
        found = start(__file__, task="time", tower="", **task)
        found |= {
            f"{tower}_mib": start(__file__, task="memory", tower=tower, **task)["mib"] for tower in ("monai", "ours")
        }
        rows += [
            row(f"{case.name}: time, MONAI", found["monai_s"], "s"),
            row(f"{case.name}: time", found["ours_s"], "s", "MONAI", found["ours_s"] / found["monai_s"]),
            row(f"{case.name}: extra memory, MONAI", found["monai_mib"], "MiB"),
            row(
                f"{case.name}: extra memory", found["ours_mib"], "MiB", "MONAI", found["ours_mib"] / found["monai_mib"]
            ),
            row(f"{case.name}: share of the peak", found["share"], ""),
        ]
        if not options.json:
            print(
                f"{case.name:26s}{found['monai_s']:8.2f} s{found['ours_s']:8.2f} s"
                f"{found['monai_s'] / found['ours_s']:8.1f}x{found['monai_mib']:8.0f} MiB{found['ours_mib']:6.0f} MiB"
                f"{found['ours_mib'] / found['monai_mib']:8.2f}x{found['share']:8.0%}",
                flush=True,
            )
    if not options.json:
        print(f"\n{cases[0].name:40s}{'time':>10s}{'of plain':>10s}{'memory':>12s}{'of plain':>10s}")
    plain: dict[str, dict] = {}
    for name, switches in VARIANTS.items():
        task = {"case": asdict(cases[0]), "threads": options.threads, "tower": "ours", "switches": switches}
        found = {
            "s": start(__file__, task="variant", **task)["s"],
            "mib": start(__file__, task="memory", **task)["mib"],
        }
        before = plain.setdefault("training" if switches.get("training") else "forward", found)
        for key, unit in (("s", "s"), ("mib", "MiB")):
            rows.append(row(f"{cases[0].name}, {name}", found[key], unit, "plain", found[key] / before[key]))
        if not options.json:
            print(
                f"{name:40s}{found['s']:8.2f} s{found['s'] / before['s']:9.2f}x{found['mib']:8.0f} MiB"
                f"{found['mib'] / before['mib']:9.2f}x",
                flush=True,
            )
    if options.json:
        print(json.dumps(rows, indent=1))


def run_task(task: str, case: dict, threads: int, tower: str, switches: dict | None = None) -> dict:
    """Inside a started process: time both towers in turns, time one variant of ours, or find one tower's peak."""
    import torch

    torch.set_num_threads(threads)
    study = Case(**case)
    if switches is not None:
        step = make_variant(study, **switches)
        step()  # compiles
        if task == "memory":
            before = resident()
            step()
            return {"mib": (peak() - before) / MIB}
        times_taken = []
        for _ in range(study.turns):
            started = time.perf_counter()
            step()
            times_taken.append(time.perf_counter() - started)
        return {"s": min(times_taken)}
    with torch.inference_mode():
        if task == "memory":
            step = make_towers(study, (tower,))[tower]
            before = resident()
            step()
            return {"mib": (peak() - before) / MIB}
        towers = make_towers(study, ("monai", "ours"))
        times: dict[str, list[float]] = {name: [] for name in towers}
        for _ in range(study.turns):
            for name, step in towers.items():
                started = time.perf_counter()
                step()
                times[name].append(time.perf_counter() - started)
        found = {f"{name}_s": min(taken) for name, taken in times.items()}
        return found | {"share": multiplications(study) / found["ours_s"] / matmul_peak()}


def make_towers(study: Case, wanted: tuple[str, ...]) -> dict[str, Callable[[], object]]:
    """The towers, each as a function that encodes the study."""
    import torch
    from monai.networks.nets import ViT

    from itemclip_med.models.encoder import HierarchicalViT
    from itemclip_med.models.presets import published_preset

    torch.manual_seed(0)
    config = published_preset(study.preset).config
    depth, height, width = config.image_size
    images = torch.randn(1, study.series, 1, depth, height, width)
    steps: dict[str, Callable[[], object]] = {}
    if "ours" in wanted:
        encoder = HierarchicalViT(config.replace(series_names=False)).eval()
        steps["ours"] = lambda: encoder(images)
    if "monai" in wanted:
        vit = ViT(
            in_channels=1,
            img_size=(study.series * depth, height, width),
            patch_size=config.patch_size,
            hidden_size=config.width,
            mlp_dim=config.mlp_ratio * config.width,
            num_layers=len(config.block_levels),
            num_heads=config.num_heads,
            proj_type="conv",
            qkv_bias=True,
        ).eval()
        for block in vit.blocks:  # off by default, and no option of MONAI's ViT
            block.attn.use_flash_attention = True
        joined = images.reshape(1, 1, study.series * depth, height, width)
        steps["monai"] = lambda: vit(joined)
    return steps


def make_variant(
    study: Case, *, compiled: bool = False, half: bool = False, training: bool = False, recompute: bool = False
) -> Callable[[], object]:
    """Our tower with some of its switches on, as a function that encodes the study, and takes gradients in training."""
    import torch

    from itemclip_med.models.encoder import HierarchicalViT
    from itemclip_med.models.presets import published_preset

    torch.manual_seed(0)
    config = published_preset(study.preset).config
    images = torch.randn(1, study.series, 1, *config.image_size)
    encoder = HierarchicalViT(config.replace(series_names=False, gradient_checkpointing=recompute)).train(training)
    called = torch.compile(encoder) if compiled else encoder

    def step() -> None:
        with torch.set_grad_enabled(training), torch.autocast("cpu", torch.bfloat16, enabled=half):
            out = called(images)
        if training:
            out.float().square().mean().backward()
            encoder.zero_grad()

    return step


def multiplications(study: Case) -> float:
    """Floating-point operations of our tower's matrix products, two for each multiply-add."""
    from math import prod

    from itemclip_med.models.presets import published_preset

    config = published_preset(study.preset).config
    grid, width = config.grid, config.width
    tokens = study.series * prod(grid)
    group = {"slice": prod(grid[1:]) + 1, "series": prod(grid) + 1, "study": tokens + 1}
    total = 2.0 * tokens * width * prod(config.patch_size)
    for level in config.block_levels:
        rows = tokens * group[level] / (group[level] - 1)
        total += rows * width * (2 * (4 + 2 * config.mlp_ratio) * width + 4 * group[level])
    return total


def matmul_peak(size: int = 2048, turns: int = 4) -> float:
    """Operations a second of a large float32 matrix product, the best of a few turns."""
    import torch

    a, b = torch.randn(size, size), torch.randn(size, size)
    best = float("inf")
    for _ in range(turns):
        started = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


if __name__ == "__main__":
    main()
