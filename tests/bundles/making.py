"""Small stores and models for tests of bundles."""

from __future__ import annotations

import numpy as np
from monai.bundle import ConfigParser

from itemclip_med.records import Item, Report, Series, Study
from itemclip_med.resources import bundles_dir
from itemclip_med.store import Store, StoreWriter, write_items
from itemclip_med.zeroshot import load_task

BUNDLES = sorted(path.parent.parent for path in bundles_dir().glob("*/configs/metadata.json"))
SPLITS = ("train", "train", "train", "val", "val")


def smoke_parser(folder, **values):
    """The bundle's training configuration in its smoke setting."""
    parser = ConfigParser()
    parser.read_config([str(folder / "configs" / "train.json"), str(folder / "configs" / "smoke.json")])
    parser.update({"device": "cpu", "amp": False} | values)
    return parser


def save_smoke_model(bundle, folder):
    """An untrained model of a bundle's smoke setting, as a model folder."""
    return smoke_parser(bundle).get_parsed_content("network_def").save_pretrained(folder)


def write_random_store(folder, bundle, splits=SPLITS):
    """A store of studies of noise, one for each split, with the items and labels that a bundle's task asks for."""
    parser = smoke_parser(bundle)
    modality = parser["model_input::modality"]
    names = load_task(parser["task"]).names
    random = np.random.default_rng(0)
    dtype, top = ("int16", 100) if modality == "CT" else ("uint8", 255)
    affine = ((3.0, 0.0, 0.0, -30.0), (0.0, 3.0, 0.0, -30.0), (0.0, 0.0, 5.0, -40.0), (0.0, 0.0, 0.0, 1.0))
    entry = Series("AX", "", (1, 1, 1), (3.0, 3.0, 5.0), affine, modality, dtype)
    studies = [
        Study(f"s{n}", (entry,), split=split, labels={name: (n + i) % 2 for i, name in enumerate(names)})
        for n, split in enumerate(splits)
    ]
    with StoreWriter(folder) as writer:
        for study in studies:
            writer.add(study, [random.integers(0, top, (20, 20, 16)).astype(dtype)])
    write_items(folder, [Report(s.study_id, (Item(f"Finding {s.study_id} is seen."),), False) for s in studies])
    return Store(folder)
