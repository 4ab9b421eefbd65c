"""The scoring engine: every study is encoded once, then any number of prompts are asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from itemclip_med.errors import StoreError, TaskError
from itemclip_med.records import Study
from itemclip_med.zeroshot.embeddings import EmbeddingCache, model_digest, split_batch, to_device
from itemclip_med.zeroshot.plugins import check_scorer

if TYPE_CHECKING:
    from itemclip_med.models import PromptCache
    from itemclip_med.store import Store
    from itemclip_med.zeroshot.plugins import StudyScorer


@dataclass(frozen=True)
class EngineOptions:
    """How studies are encoded.

    Attributes:
        batch_size: studies encoded at once.
        device: "cpu", "cuda", …
        workers: processes that read volumes; 0 reads in this one.
        embeddings: encoded studies kept on disk; None keeps none.
        prompt_cache: embeddings of prompts kept from earlier evaluations.
        attention_dir: gets where each prompt looks in each study, one safetensors file per study; None: not kept.
        show_progress: a bar; None asks the terminal.
    """

    batch_size: int = 8
    device: str = "cpu"
    workers: int = 0
    embeddings: EmbeddingCache | None = None
    prompt_cache: PromptCache | None = None
    attention_dir: Path | None = None
    show_progress: bool | None = None


@dataclass
class Counts:
    """What the engine did: studies encoded, read from the cache, and not readable."""

    encoded: int = 0
    cached: int = 0
    unreadable: list[str] = field(default_factory=list)


class _Readable(Dataset[Any]):
    """Studies of a dataset, None for one that cannot be read, so that the others go on."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, list(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> tuple[int, dict[str, Any] | None]:
        index = self.indices[position]
        try:
            return index, self.dataset[index]
        except StoreError:
            return index, None


def encode_studies(
    store: Store, studies: Sequence[Study], model: StudyScorer, options: EngineOptions, counts: Counts | None = None
) -> Iterator[tuple[list[Study], Any]]:
    """Encode studies, or take them from the cache.

    Args:
        store: where their arrays are.
        studies: those to encode.
        model: on the device already.
        options: batch size, workers, cache.
        counts: gets what was done; studies that cannot be read are named there and not yielded.

    Yields:
        One study and its encoding (B = 1); or several with the encoding of all, where only the model can split it.

    Raises:
        TaskError: if encoded studies shall be kept, but the model has no digest to tell them by.
    """
    from itemclip_med.data import StudyDataset, collate_studies
    from itemclip_med.transforms import ModelInput

    counts = Counts() if counts is None else counts
    digest = model_digest(model) if options.embeddings is not None else None
    if options.embeddings is not None and digest is None:
        raise TaskError("This model has no digest: encoded studies cannot be told apart, leave --embeddings out.")
    missing = []
    for study in studies:
        known = options.embeddings.read(digest, study) if options.embeddings is not None and digest else None
        if known is None:
            missing.append(study)
            continue
        counts.cached += 1
        yield [study], to_device(known, options.device)
    if not missing:
        return
    dataset = StudyDataset(
        store, ModelInput.from_dict(model.preprocessing), study_ids=[study.study_id for study in missing]
    )
    loader = DataLoader(
        _Readable(dataset, range(len(missing))),
        batch_size=options.batch_size,
        num_workers=options.workers,
        collate_fn=list,
    )
    for pairs in loader:
        counts.unreadable += [missing[index].study_id for index, sample in pairs if sample is None]
        readable = [(missing[index], sample) for index, sample in pairs if sample is not None]
        if not readable:
            continue
        batch = collate_studies([sample for _, sample in readable])
        images, mask = batch["image"].to(options.device), batch["series_mask"].to(options.device)
        with torch.inference_mode():
            encoding = model.encode_study(images, batch["series"], mask)
        counts.encoded += len(readable)
        singles = split_batch(encoding, len(readable), batch["series_mask"].sum(dim=1).tolist())
        if singles is None:
            yield [study for study, _ in readable], encoding
            continue
        for (study, _), single in zip(readable, singles, strict=True):
            if options.embeddings is not None and digest:
                options.embeddings.write(digest, study, single)
            yield [study], single


def prepare(model: StudyScorer, device: str) -> StudyScorer:
    """A model on a device, in evaluation mode.

    Raises:
        TaskError: if it is no model, or does not say how studies become images.
    """
    check_scorer(model)
    return model.to(device).eval() if isinstance(model, nn.Module) else model


def encode_prompts(model: StudyScorer, texts: Sequence[str], cache: PromptCache | None = None) -> Any:
    """Prompts as the model's ``score`` takes them, encoded once; a model of this package keeps them in the cache."""
    from itemclip_med.models import ItemizedCLIP, PromptCache

    with torch.inference_mode():
        if isinstance(model, ItemizedCLIP):
            return (cache or PromptCache()).embed(model, list(texts))
        return model.encode_text(list(texts))


def score_prompts(
    store: Store,
    studies: Sequence[Study],
    model: StudyScorer,
    texts: Sequence[str],
    options: EngineOptions,
    counts: Counts | None = None,
) -> Iterator[tuple[Study, Tensor]]:
    """Every study with its scores (K,) for K prompts.

    Args:
        store: where the arrays are.
        studies: those to score.
        model: as :func:`prepare` gives it.
        texts: K prompts.
        options: how studies are encoded.
        counts: gets what was done.

    Raises:
        TaskError: if a score is not finite, or the model gives another number of scores.
    """
    from tqdm import tqdm

    counts = Counts() if counts is None else counts
    prompts = encode_prompts(model, texts, options.prompt_cache)
    disable = None if options.show_progress is None else not options.show_progress
    with tqdm(total=len(studies), unit="study", desc="score", disable=disable) as bar:
        for members, encoding in encode_studies(store, studies, model, options, counts):
            with torch.inference_mode():
                scores = torch.as_tensor(model.score(encoding, prompts)).float().cpu()
            if tuple(scores.shape) != (len(members), len(texts)):
                raise TaskError(
                    f"The model gives scores {tuple(scores.shape)}, expected {(len(members), len(texts))}: one a study "
                    "and prompt."
                )
            if not bool(torch.isfinite(scores).all()):
                raise TaskError("The model gives scores that are not finite: is its checkpoint damaged?")
            if options.attention_dir is not None:
                _keep_attention(options.attention_dir, model, members, encoding, texts, prompts)
            bar.update(len(members))
            yield from zip(members, scores, strict=True)


def _keep_attention(
    folder: Path, model: StudyScorer, members: Sequence[Study], encoding: Any, texts: Sequence[str], prompts: Any
) -> None:
    """Write where each prompt looks: ``attention`` (K, N, d, h, w) float16, and the prompts."""
    import hashlib
    import json

    from safetensors.torch import save_file

    attend = getattr(model, "attend", None)
    if attend is None:
        raise TaskError("This model has no attention to keep: it lacks the method attend.")
    with torch.inference_mode():
        weights = attend(encoding, prompts).half().cpu()
    folder.mkdir(parents=True, exist_ok=True)
    for study, one in zip(members, weights, strict=True):
        name = hashlib.sha256(study.study_id.encode()).hexdigest()[:32]
        about = {"study_id": study.study_id, "prompts": json.dumps(list(texts))}
        save_file({"attention": one.contiguous()}, str(folder / f"{name}.safetensors"), metadata=about)
