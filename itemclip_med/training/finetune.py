"""Learning labels on top of a trained model: a linear probe, or the image tower with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from itemclip_med.errors import LabelsError, ModelError
from itemclip_med.training.batches import Prepared, PrepareStudyBatch
from itemclip_med.training.optimizing import parameter_groups
from itemclip_med.training.splits import choose_studies
from itemclip_med.training.validation import prompts_of

HEAD_FILE = "head.json"
HEAD_WEIGHTS = "head.safetensors"
_FORMAT = {"format": "itemclip_med.head", "version": 1}


class LabelStep(nn.Module):
    """A model with one logit per label.

    With ``features`` "global", a label is a linear function of the study's embedding, normalized to mean 0 and
    variance 1. With "prompts", of what the label's words pool from the patch tokens: it starts as the zero-shot score,
    scaled by the model's logit scale.

    Args:
        model: an :class:`itemclip_med.models.ItemizedCLIP`; what is not trained is frozen.
        labels: label name to prompts, or :class:`itemclip_med.Finding` records, or names, which are their own prompts.
        mode: "probe" trains the linear layer alone; "full" the image tower too, and the pool where it is used.
        features: "global" or "prompts".
        positive_weight: weight of the positives of each label in the loss, (F,); None: 1.

    Raises:
        ModelError: if a choice is none of these, or the model cannot give the features.
    """

    queries: Tensor
    positive_weight: Tensor | None

    def __init__(
        self,
        model: nn.Module,
        labels: Mapping[str, str | Sequence[str]] | Sequence[Any],
        mode: Literal["probe", "full"] = "probe",
        features: Literal["global", "prompts"] = "global",
        positive_weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("probe", "full") or features not in ("global", "prompts"):
            raise ModelError(
                f"LabelStep: mode {mode!r}, features {features!r}; expected probe or full, global or prompts."
            )
        config: Any = model.config
        if features == "prompts" and config.scoring == "global":
            raise ModelError("LabelStep: this model was trained without its pool; take features: global.")
        if not isinstance(labels, Mapping):
            labels = {label: label for label in labels} if isinstance(labels[0], str) else prompts_of(labels)
        self.model: Any = model
        self.prompts = prompts_of(labels)
        self.mode = mode
        self.features = features
        width, count = config.embed_dim, len(self.prompts)
        self.weight = nn.Parameter(torch.zeros(count, width))
        self.bias = nn.Parameter(torch.zeros(count))
        self.register_buffer("queries", torch.zeros(count if features == "prompts" else 0, width))
        self.register_buffer("positive_weight", positive_weight, persistent=False)
        self._freeze()
        if features == "prompts":
            self._start_from_words()

    @property
    def names(self) -> list[str]:
        """Names of the labels, in the order of the logits."""
        return list(self.prompts)

    def train(self, mode: bool = True) -> LabelStep:
        """As torch's; a probed model stays in evaluation mode."""
        super().train(mode)
        if self.mode == "probe":
            self.model.eval()
        return self

    def set_draw_seed(self, seed: int | None) -> None:
        """Nothing is drawn here; the image tower's draws come from torch's generator."""

    def forward(
        self,
        image: Tensor,
        *,
        labels: Tensor | None = None,
        series: Sequence[Sequence[str]] | None = None,
        series_mask: Tensor | None = None,
    ) -> Tensor | dict[str, Tensor]:
        """Predict labels, and the loss where they are given.

        Args:
            image: (B, N, C, D, H, W).
            labels: (B, F): 1, 0, or below 0 where unknown.
            series: names of the series, B lists of up to N.
            series_mask: (B, N) bool, False at padding series.

        Returns:
            Logits (B, F); with ``labels`` a dict with ``total``, the mean cross-entropy over the known labels, and
            ``bce``, the same detached.
        """
        with torch.set_grad_enabled(self.mode == "full" and torch.is_grad_enabled()):
            features = self._features(image, series, series_mask)
        logits = torch.einsum("bfe,fe->bf", features, self.weight.to(features)) + self.bias
        if labels is None:
            return logits
        losses = F.binary_cross_entropy_with_logits(
            logits.float(), labels.clamp(min=0).float(), pos_weight=self.positive_weight, reduction="none"
        )
        known = (labels >= 0).float()
        total = (losses * known).sum() / known.sum().clamp(min=1)
        return {"total": total, "bce": total.detach()}

    def save_pretrained(self, folder: str | Path, dtype: str = "float32") -> Path:
        """Write the model's folder with ``head.json`` and ``head.safetensors`` beside its weights."""
        from safetensors.torch import save_file

        folder = Path(self.model.save_pretrained(folder, dtype=dtype))
        tensors = {name: getattr(self, name).detach().float().cpu() for name in ("weight", "bias", "queries")}
        save_file({name: value.contiguous().clone() for name, value in tensors.items()}, str(folder / HEAD_WEIGHTS))
        values = _FORMAT | {"mode": self.mode, "features": self.features, "labels": self.prompts}
        (folder / HEAD_FILE).write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return folder

    def load_head(self, folder: str | Path) -> LabelStep:
        """Take the linear layer that :meth:`save_pretrained` wrote.

        Raises:
            ModelError: if there is none, or it is for other labels or features.
        """
        from itemclip_med.models.checkpoints import read_json, read_weights

        folder = Path(folder)
        values = read_json(folder / HEAD_FILE)
        found = (list(values.get("labels", {})), values.get("features"))
        if found != (self.names, self.features):
            raise ModelError(
                f"Model {folder.name}: its head is for {', '.join(found[0])} from {found[1]} features; the run wants "
                f"{', '.join(self.names)} from {self.features} features."
            )
        tensors = read_weights(folder / HEAD_WEIGHTS)
        for name in ("weight", "bias", "queries"):
            own = getattr(self, name)
            if name not in tensors or tensors[name].shape != own.shape:
                raise ModelError(f"Model {folder.name}: {HEAD_WEIGHTS} does not fit {HEAD_FILE}; save the head again.")
            own.data.copy_(tensors[name])
        return self

    def _features(self, image: Tensor, series: Sequence[Sequence[str]] | None, series_mask: Tensor | None) -> Tensor:
        """What each label's linear function sees: (B, F or 1, E)."""
        encoding = self.model.encode_study(image, series, series_mask)
        if self.features == "global":
            return F.layer_norm(encoding.global_, encoding.global_.shape[-1:])[:, None].expand(-1, len(self.bias), -1)
        tokens = F.normalize(encoding.tokens, dim=-1)
        query = self.queries.to(tokens)[None].expand(len(tokens), -1, -1)
        return F.normalize(self.model.pool(query, tokens, encoding.token_mask), dim=-1)

    def _freeze(self) -> None:
        """Leave gradients to what the logits depend on, so that DDP finds no parameter without one."""
        self.model.requires_grad_(False)
        if self.mode == "full":
            self.model.visual.requires_grad_(True)
            self.model.visual_proj.requires_grad_(True)
            self.model.pool.requires_grad_(self.features == "prompts")

    @torch.no_grad()
    def _start_from_words(self) -> None:
        was_training = self.model.training
        self.model.eval()
        means = [F.normalize(self.model.encode_text(words), dim=-1).mean(dim=0) for words in self.prompts.values()]
        self.model.train(was_training)
        self.queries = F.normalize(torch.stack(means), dim=-1)
        self.weight.data.copy_(self.queries * self.model.logit_scale.exp().clamp(max=100))


def label_step(
    model: nn.Module,
    labels: Sequence[Any],
    mode: Literal["probe", "full"] = "probe",
    features: Literal["global", "prompts"] = "global",
    *,
    studies: Sequence[Any] = (),
    balance: bool = True,
    folder: str | Path = "",
) -> LabelStep:
    """A :class:`LabelStep` for a run.

    Args:
        model: the trained model.
        labels: as in :class:`LabelStep`.
        mode: as in :class:`LabelStep`.
        features: as in :class:`LabelStep`.
        studies: the training studies, whose labels give the balance.
        balance: weigh the positives of a label by its negatives over its positives, from 1/20 to 20.
        folder: of the model; a head that lies there is taken, a model without one starts anew.

    Raises:
        ModelError: as :class:`LabelStep` and its ``load_head``.
    """
    step = LabelStep(model, labels, mode, features)
    if balance and studies:
        step.positive_weight = positive_weights(studies, step.names)
    if folder and (Path(folder) / HEAD_FILE).is_file():
        step.load_head(folder)
    return step


def positive_weights(studies: Sequence[Any], names: Sequence[str], limit: float = 20.0) -> Tensor:
    """Negatives over positives of each label, (F,), between ``1 / limit`` and ``limit``; 1 where either is missing."""
    weights = []
    for name in names:
        values = [study.labels.get(name) for study in studies]
        positive, negative = values.count(1), values.count(0)
        ratio = negative / positive if positive and negative else 1.0
        weights.append(min(max(ratio, 1 / limit), limit))
    return torch.tensor(weights)


def labeled_studies(
    store: Any, part: Literal["train", "val", "test"], names: Sequence[str], **options: Any
) -> list[str]:
    """Ids of the studies of one part that have at least one of the labels.

    Args:
        store: an :class:`itemclip_med.store.Store`.
        part: as in :func:`itemclip_med.training.choose_studies`.
        names: labels wanted.
        options: of :func:`itemclip_med.training.choose_studies`.

    Raises:
        StoreError: if the part is empty.
        LabelsError: if none of its studies has one of the labels.
    """
    wanted = [getattr(name, "name", name) for name in names]
    chosen = choose_studies(store, part, **options)
    labeled = [
        study_id for study_id in chosen if any(store.study(study_id).labels.get(name) is not None for name in wanted)
    ]
    if not labeled:
        raise LabelsError(
            f"None of the {len(chosen)} studies of {part!r} has a label of {', '.join(wanted[:6])}: give labels with "
            "`itemclip-med preprocess … --labels FILE`, or name others."
        )
    return labeled


def finetune_groups(
    step: LabelStep, weight_decay: float, learning_rate: float, head_learning_rate: float
) -> list[dict[str, Any]]:
    """Parameter groups: the model's without and with decay at ``learning_rate``, and the linear layer's without decay.

    Args:
        step: whose parameters are split; frozen ones are left out.
        weight_decay: of the model's matrices.
        learning_rate: of the model.
        head_learning_rate: of the linear layer.
    """
    groups = [group for group in parameter_groups(step.model, weight_decay) if group["params"]]
    groups = [group | {"lr": learning_rate} for group in groups]
    return [*groups, {"params": [step.weight, step.bias], "weight_decay": 0.0, "lr": head_learning_rate}]


class PrepareLabelBatch:
    """A batch of studies with labels, for :class:`LabelStep` in training.

    Args:
        labels: as in :class:`itemclip_med.training.PrepareStudyBatch`.
    """

    def __init__(self, labels: Sequence[Any]) -> None:
        self._prepare = PrepareStudyBatch(labels)

    def __call__(self, batch: Mapping[str, Any], device: Any = None, non_blocking: bool = False, **_: Any) -> Prepared:
        """Images, no targets, no arguments, and the keyword arguments of :meth:`LabelStep.forward`."""
        image, labels, _arguments, keywords = self._prepare(batch, device, non_blocking)
        return image, None, (), {**keywords, "labels": labels}
