"""What ``science.py`` compares: the methods, their seeds, and the settings that all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

LEFT_OUT = (("EDH", "left"), ("SDH", "right"), ("ChronicBleed", "right"))
"""Finding and side that no training study has: what the compositional test asks for."""


@dataclass(frozen=True)
class Method:
    """One line of the table.

    Attributes:
        name: of its files.
        title: of its line.
        group: of lines that stand together.
        baseline: config of the bundle, laid over demo.json; "" for ItemizedCLIP and its ablations.
        changes: ids of the bundle's config to values, the only ones that differ from the other methods.
        length: how many times as long it is trained as the others.
    """

    name: str
    title: str
    group: str
    baseline: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    length: int = 1


METHODS = {
    method.name: method
    for method in (
        Method("itemclip", "ItemizedCLIP", "whole"),
        Method("no_mask", "without the ILA mask", "ablation", changes={"loss_def::keep_rate": 1.0}),
        Method("no_kta", "without KTA", "ablation", changes={"loss_def::kta": None}),
        Method("no_iis", "without IIS", "ablation", changes={"loss_def::iis": None}),
        Method("no_mps", "without MPS", "ablation", changes={"loss_def::mps": None}),
        Method("no_worst", "worst-positive factor 1", "ablation", changes={"loss_def::worst_positive_factor": 1.0}),
        Method("no_normal", "without the normal check", "ablation", changes={"loss_def::normal_check": False}),
        Method("flair", "FLAIR-style", "baseline", "baseline_flair.json"),
        Method("multi_positive", "multi-positive SigLIP", "baseline", "baseline_multi_positive.json"),
        Method("siglip", "SigLIP, whole report", "baseline", "baseline_siglip.json"),
        Method("clip", "CLIP, whole report", "baseline", "baseline_clip.json"),
        Method("sentence", "CLIP, one random item", "baseline", "baseline_sentence.json"),
        Method("dual", "CLIP, report and random item", "baseline", "baseline_dual.json"),
        Method("itemclip_long", "ItemizedCLIP, four times as long", "longer", length=4),
        Method("flair_long", "FLAIR-style, four times as long", "longer", "baseline_flair.json", length=4),
        Method("siglip_long", "SigLIP, four times as long", "longer", "baseline_siglip.json", length=4),
    )
}

_ABLATIONS = tuple(name for name, method in METHODS.items() if method.group == "ablation")
QUEUE: tuple[tuple[str, int], ...] = (
    *((name, 0) for name in ("itemclip", "siglip", "flair", "clip")),
    *((name, 1) for name in ("itemclip", "siglip", "flair")),
    *((name, 0) for name in _ABLATIONS),
    *((name, 0) for name in ("multi_positive", "sentence", "dual")),
    *((name, 0) for name in ("itemclip_long", "flair_long", "siglip_long")),
    *((name, 2) for name in ("itemclip", "siglip", "flair")),
    *((name, 1) for name in ("clip", *_ABLATIONS, "multi_positive", "sentence", "dual")),
)
"""Runs in the order in which they are made: what decides most comes first."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything.

    Attributes:
        num_train: phantoms to draw for training; those with a left-out pair are then dropped.
        train_seed: of those phantoms.
        num_test: phantoms of each test set.
        num_maps: test studies whose maps are measured.
        epochs: passes over the training studies.
        batch_size: studies a step.
        runs: what is run if nothing is asked for.
    """

    num_train: int = 2400
    train_seed: int = 2
    num_test: int = 400
    num_maps: int = 400
    epochs: int = 6
    batch_size: int = 16
    runs: tuple[tuple[str, int], ...] = QUEUE


QUICK = replace(
    Sizes(), num_train=240, num_test=80, num_maps=16, epochs=4, runs=(("itemclip", 0), ("siglip", 0), ("flair", 0))
)


def shared_settings(sizes: Sizes, length: int = 1) -> dict[str, Any]:
    """Settings of the bundle that all methods of one length share, beside those of demo.json.

    Nothing is mirrored, for that would make the left-out pairs; the few validation studies choose nothing.
    """
    return {
        "epochs": sizes.epochs * length,
        "batch_size": sizes.batch_size,
        "max_shift": [1, 8, 8],
        "max_offset": 3,
        "mirror": 0.0,
        "val_share": 0.05,
        "val_interval": sizes.epochs * length,
        "tensorboard": False,
    }
