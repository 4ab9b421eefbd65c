"""Carry what the three bundles share from the head-CT bundle to the others.

A bundle must stand alone once it is copied, and MONAI's zoo reads ``configs/train.json`` by itself, so the shared parts
cannot live in a file of their own. They are written once, in ``bundles/head_ct_itemclip``; this tool copies them, entry
by entry, and leaves the entries that differ by domain alone. A test holds the bundles to it::

    python tools/share_bundle_parts.py          # write
    python tools/share_bundle_parts.py --check  # say what differs, exit 1
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

BUNDLES = Path(__file__).resolve().parent.parent / "bundles"
SOURCE = "head_ct_itemclip"
OTHERS = ("brain_mri_itemclip", "chest_ct_itemclip")
WHOLE_FILES = (
    "LICENSE",
    "configs/logging.conf",
    "configs/multi_gpu_train.json",
    "configs/evaluate.json",
    "configs/finetune.json",
)
# Entries of these files that each bundle has for itself.
OWN_ENTRIES = {
    "configs/train.json": (
        "_desc_", "output_dir", "_desc_run", "epochs", "batch_size", "micro_batch_size", "learning_rate",
        "weight_decay", "warmup_steps", "num_items", "series", "_desc_augmentation", "random_crop", "max_shift",
        "max_offset", "mirror", "task", "_desc_model_input", "model_input", "model_config", "loss_def",
    ),
    "configs/inference.json": ("recipe", "task"),
}  # fmt: skip
# Entries that a bundle's inference has from its training.
FROM_TRAINING = ("model_input", "model_config")

_ENTRY = re.compile(r'^  "([\w:]+)": ', re.MULTILINE)


def entries_of(text: str) -> dict[str, str]:
    """Top-level entries of a configuration as they are written, each with the blank lines behind it."""
    starts = [(match[1], match.start()) for match in _ENTRY.finditer(text)]
    ends = [start for _, start in starts[1:]] + [text.rindex("}")]
    return {name: text[start:end] for (name, start), end in zip(starts, ends, strict=True)}


def shared_text(source: str, own: str, own_entries: tuple[str, ...], extra: dict[str, str]) -> str:
    """The source's configuration with the other bundle's own entries.

    Args:
        source: text of the source's file.
        own: text of the other bundle's file; "" for none.
        own_entries: names of entries to keep.
        extra: entries that come from elsewhere.
    """
    mine = entries_of(own) if own else {}
    parts = []
    for name, entry in entries_of(source).items():
        chosen = extra.get(name) or (mine.get(name) if name in own_entries else None) or entry
        parts.append(chosen.rstrip().rstrip(",") + ",\n" + ("\n" if entry.endswith("\n\n") else ""))
    return "{\n" + "".join(parts).rstrip().rstrip(",") + "\n}\n"


def wanted_files(bundles: Path = BUNDLES) -> dict[Path, str]:
    """Every file with shared parts, and what it should hold."""
    wanted = {}
    for bundle in (SOURCE, *OTHERS):
        for name in WHOLE_FILES:
            wanted[bundles / bundle / name] = (bundles / SOURCE / name).read_text()
        training = ""
        for name, own_entries in OWN_ENTRIES.items():
            path = bundles / bundle / name
            own = path.read_text() if path.is_file() else ""
            extra = {key: entries_of(training)[key] for key in FROM_TRAINING} if training else {}
            wanted[path] = shared_text((bundles / SOURCE / name).read_text(), own, own_entries, extra)
            training = training or wanted[path]
    return wanted


def main() -> int:
    """Write, or check; the exit status."""
    different = [path for path, text in wanted_files().items() if not path.is_file() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in different:
            print(f"{path.relative_to(BUNDLES.parent)} differs from what {SOURCE} shares")
        return 1 if different else 0
    wanted = wanted_files()
    for path in different:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
        print(path.relative_to(BUNDLES.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
