"""How fast and how small a training step is: ``python benchmarks/bench_train.py [--quick] [--device cuda] [--json]``.

Forward and backward of a whole step at the published sizes: image tower (ViT-B, gradient checkpointing as published),
text tower (the small one that ships with the package, so that nothing is downloaded), pool and loss. *plain* is the
same towers with the loss of ``plain_loss.py``, which follows the paper's code step by step; *ours* is ``ItemizedStep``;
*in parts* encodes one study at a time with cached gradients (``micro_batch_size: 1``): the same loss and gradients. A
step is measured once, after a small one that wakes the libraries, each form in a process of its own. Memory is the peak
resident size above inputs, weights and their gradients, with every tensor above a MiB in pages of its own, which go
back when it is freed: else the C library's heap, full of holes after a recomputed block, may hold twice what is in use.
On a GPU it is the peak of its allocator. ``--device cuda`` measures the batches that one of the eight published GPUs
encodes at a time, in bfloat16.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import MIB, peak, resident, row, start

FORMS = ("plain", "ours", "in parts")


@dataclass(frozen=True)
class Case:
    """Sizes of one step.

    Attributes:
        name: for the table.
        preset: the published model.
        studies: B.
        series: N.
        items: K.
        keep_rate: as in ``ItemizedCLIPLoss``.
        share: of the grid's width.
    """

    name: str
    preset: str
    studies: int
    series: int
    items: int
    keep_rate: float = 0.9
    share: float = 1.0


CASES = (  # ten minutes on two cores
    Case("head CT, B=2, 3 windows of 48x224x224", "head_ct", 2, 3, 7),
    Case("brain MRI, B=2, 4 series of 48x224x224", "brain_mri", 2, 4, 7),
    Case("chest CT, B=2, 112x336x336", "chest_ct", 2, 1, 10, 0.95),
)
ON_GPU = (
    Case("head CT, B=8, 3 windows of 48x224x224", "head_ct", 8, 3, 7),
    Case("brain MRI, B=8, 10 series of 48x224x224", "brain_mri", 8, 10, 7),
    Case("chest CT, B=16, 112x336x336", "chest_ct", 16, 1, 10, 0.95),
)
QUICK = (Case("head CT, B=2, 1 window of 48x224x112", "head_ct", 2, 1, 7, share=0.5),)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one small case; ends within a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="cuda: other sizes, bfloat16")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch")
    parser.add_argument("--run", help=argparse.SUPPRESS)  # what a started process does: a task as JSON
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run_task(**json.loads(options.run))))
        return
    os.environ["MALLOC_MMAP_THRESHOLD_"] = str(2**20)
    rows = []
    if not options.json:
        print(f"{'':40s}{'':10s}{'studies/s':>12s}{'of plain':>10s}{'memory':>12s}{'of plain':>10s}")
    for case in QUICK if options.quick else ON_GPU if options.device == "cuda" else CASES:
        plain: dict = {}
        for form in FORMS:
            found = start(__file__, case=asdict(case), form=form, threads=options.threads, device=options.device)
            plain = plain or found
            speed, size = found["speed"] / plain["speed"], found["mib"] / plain["mib"]
            rows.append(row(f"{case.name}, {form}: studies a second", found["speed"], "1/s", "plain", speed))
            rows.append(row(f"{case.name}, {form}: extra memory", found["mib"], "MiB", "plain", size))
            if not options.json:
                print(
                    f"{case.name if form == 'plain' else '':40s}{form:10s}{found['speed']:12.3f}{speed:9.2f}x"
                    f"{found['mib']:8.0f} MiB{size:9.2f}x",
                    flush=True,
                )
    if options.json:
        print(json.dumps(rows, indent=1))


def run_task(case: dict, form: str, threads: int, device: str) -> dict:
    """Inside a started process: one step of one form."""
    import torch

    torch.set_num_threads(threads)
    torch.set_default_device(device)  # of all that is made without saying where
    on_gpu = device == "cuda"
    sizes = Case(**case)
    step = make_step(sizes, form)
    with torch.autocast(device, dtype=torch.bfloat16, enabled=on_gpu):
        step(2, 1, 0.25)  # gradients get their memory, libraries awake
        if on_gpu:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() if on_gpu else resident()
        started = time.perf_counter()
        step(sizes.studies, sizes.series, sizes.share)
        if on_gpu:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - started
    top = torch.cuda.max_memory_allocated() if on_gpu else peak()
    return {"speed": sizes.studies / seconds, "mib": (top - before) / MIB}


def make_step(case: Case, form: str) -> Callable[[int, int, float], None]:
    """A function that does a step of so many studies and series, on a share of the grid's width."""
    import torch

    from itemclip_med.losses import ItemizedCLIPLoss
    from itemclip_med.models import ItemizedCLIP
    from itemclip_med.models.presets import published_preset
    from itemclip_med.training import ItemizedStep

    torch.manual_seed(0)
    config = published_preset(case.preset).config
    model = ItemizedCLIP(config.replace(text="small", gradient_checkpointing=True, drop_path=0.0)).train()
    settings = {"mps": 0.1, "key_share": 0.05, "worst_positive_factor": 1.5}
    loss = ItemizedCLIPLoss(keep_rate=case.keep_rate, **settings)
    ours = ItemizedStep(model, loss, micro_batch_size=1 if form == "in parts" else None)
    plain = plain_step(model, settings, case.keep_rate) if form == "plain" else None
    words = "acute subdural hemorrhage along the left frontal convexity"

    def step(studies: int, series: int, share: float) -> None:
        depth, height, width = config.image_size
        patch = config.patch_size[2]
        images = torch.randn(studies, series, 1, depth, height, max(patch, int(width * share) // patch * patch))
        text = model.tokenize([f"{words} {number}" for number in range(studies * case.items)])
        mask = torch.ones(studies, case.items)
        names = [[f"series {number}" for number in range(series)]] * studies
        if plain is None:
            total = ours(images, text=text, item_mask=mask, series=names)["total"]
        else:
            total = plain(images, text, mask, names)
        total.backward()
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()  # stays where it is

    return step


def plain_step(model, settings: dict, keep_rate: float) -> Callable:
    """The step with the loss as the paper's code computes it; the pool's gradients are its own copy's."""
    import torch

    from benchmarks.plain_loss import PlainLoss, PlainPool
    from itemclip_med.losses import draw_text_columns

    pool = PlainPool(model.config.embed_dim, model.config.pool_heads).load_pool(model.pool)
    plain = PlainLoss(**settings)

    def step(images, text, mask, names):
        found = model(images, series=names, text=text)
        tokens = found["image_tokens"]
        columns = draw_text_columns(mask)
        shape = (len(mask), model.config.pool_heads, columns.shape[1], tokens.shape[1])
        keep = torch.full(shape, keep_rate).bernoulli()
        items = found["text_features"].unflatten(0, mask.shape)
        bias = torch.zeros(()) if found["logit_bias"] is None else found["logit_bias"]
        return plain(
            pool, tokens, found["image_features"], items, mask, torch.zeros(len(mask)), found["logit_scale"], bias,
            columns, keep,
        )  # fmt: skip

    return step


if __name__ == "__main__":
    main()
