"""Zero-shot scores and their mean AUC inside a training run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from monai.handlers import IgniteMetricHandler
from monai.inferers import Inferer
from monai.metrics import CumulativeIterationMetric
from torch import Tensor

from itemclip_med.training.retrieval import ItemRetrieval


def prompts_of(findings: Any) -> dict[str, list[str]]:
    """Finding name -> prompts, from a mapping or from records with ``name`` and ``prompts``."""
    pairs: list[tuple[str, str | Sequence[str]]]
    if isinstance(findings, Mapping):
        pairs = list(findings.items())
    else:
        pairs = [(finding.name, finding.prompts) for finding in findings]
    return {name: [prompts] if isinstance(prompts, str) else list(prompts) for name, prompts in pairs}


class ZeroShotInferer(Inferer):
    """Score studies for findings named in words.

    Args:
        findings: finding name to prompts, or :class:`itemclip_med.Finding` records; the scores of a finding's prompts
            are averaged.
        retrieval: sees the encoded studies too; None: nobody.

    Raises:
        ValueError: if there is no finding, or one without a prompt.
    """

    def __init__(
        self, findings: Mapping[str, str | Sequence[str]] | Sequence[Any], retrieval: ItemRetrieval | None = None
    ) -> None:
        super().__init__()
        self.retrieval = retrieval
        self.prompts = prompts_of(findings)
        empty = [name for name, prompts in self.prompts.items() if not prompts]
        if empty or not self.prompts:
            raise ValueError(f"ZeroShotInferer: no prompts for {', '.join(empty) if empty else 'any finding'}.")

    @property
    def names(self) -> list[str]:
        """Names of the findings, in the order of the columns."""
        return list(self.prompts)

    def __call__(
        self,
        inputs: Tensor,
        network: Callable[..., Any],
        *args: Any,
        series: Sequence[Sequence[str]] | None = None,
        series_mask: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """Score one batch.

        Args:
            inputs: (B, N, C, D, H, W).
            network: an :class:`itemclip_med.models.ItemizedCLIP`, possibly wrapped by DDP.
            series: names of the series.
            series_mask: (B, N) bool, False at padding series.
            args: not used, nor are other keywords; MONAI's inferers take any.

        Returns:
            (B, F) cosines.
        """
        model: Any = getattr(network, "module", network)
        texts = [prompt for prompts in self.prompts.values() for prompt in prompts]
        # Texts are encoded anew for each batch: in training the weights move between two validations.
        embeddings = model.encode_text(texts)
        encoding = model.encode_study(inputs, series, series_mask)
        if self.retrieval is not None:
            self.retrieval.see(model, encoding)
        scores = model.score(encoding, embeddings)
        counts = [len(prompts) for prompts in self.prompts.values()]
        return torch.stack([part.mean(dim=1) for part in scores.split(counts, dim=1)], dim=1)


class MaskedMeanAUC(CumulativeIterationMetric):
    """Mean ROC-AUC over the findings for which it is defined.

    MONAI's macro ROC-AUC is NaN as soon as one class has a single value, and a NaN in the first epoch is never beaten;
    here such findings are left out, and so are unknown labels (below 0) within a finding. With no defined finding at
    all the mean is 0.

    Args:
        names: names of the findings, used by :meth:`per_finding`.
    """

    def __init__(self, names: Sequence[str] | None = None) -> None:
        super().__init__()
        self.names = None if names is None else list(names)

    def _compute_tensor(self, y_pred: Tensor, y: Tensor | None = None, **_: Any) -> tuple[Tensor, Tensor]:
        if y is None or y_pred.shape != y.shape:
            shape = None if y is None else tuple(y.shape)
            raise ValueError(f"MaskedMeanAUC: scores {tuple(y_pred.shape)} and labels {shape} differ in shape.")
        return y_pred, y

    def per_finding(self) -> dict[str, float | None]:
        """AUC of every finding, None where it is undefined."""
        scores, labels = self.get_buffer()  # type: ignore[no-untyped-call]
        names = self.names or [str(column) for column in range(scores.shape[1])]
        return {name: binary_auc(scores[:, i], labels[:, i]) for i, name in enumerate(names)}

    def aggregate(self, *_: Any, **__: Any) -> Tensor:
        """The mean over the defined findings."""
        defined = [value for value in self.per_finding().values() if value is not None]
        return torch.tensor(sum(defined) / len(defined) if defined else 0.0, dtype=torch.float64)


def binary_auc(scores: Tensor, labels: Tensor) -> float | None:
    """Area under the ROC curve; ties count half.

    Args:
        scores: (B,).
        labels: (B,), 1 positive, 0 negative, below 0 unknown.

    Returns:
        The area, or None unless there are positives and negatives.
    """
    known = labels >= 0
    scores, positive = scores[known].double(), labels[known] > 0
    num_positive, num_negative = int(positive.sum()), int((~positive).sum())
    if not num_positive or not num_negative:
        return None
    _, group, counts = scores.unique(return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0) - (counts - 1) / 2.0)[group]  # mean rank of ties, from 1
    wins = ranks[positive].sum().item() - num_positive * (num_positive + 1) / 2
    return wins / (num_positive * num_negative)


def _scores_and_labels(output: Any) -> tuple[Tensor, Tensor]:
    """Pred and label of an engine's output, decollated or not."""
    if isinstance(output, Mapping):
        return output["pred"].float(), output["label"].float()
    return (
        torch.stack([study["pred"] for study in output]).float(),
        torch.stack([study["label"] for study in output]).float(),
    )


class MeanAUC(IgniteMetricHandler):
    """:class:`MaskedMeanAUC` as a metric of MONAI's evaluator.

    Args:
        names: names of the findings; ``engine.state.metric_details`` then holds each finding's AUC.
    """

    def __init__(self, names: Sequence[str] | None = None) -> None:
        self._mean = MaskedMeanAUC(names)
        super().__init__(metric_fn=self._mean, output_transform=_scores_and_labels, save_details=False)

    def compute(self) -> float:
        """The mean; each finding's AUC goes to ``engine.state.metric_details``."""
        value = super().compute()
        if self._engine is not None:
            state: Any = self._engine.state
            state.metric_details[self._name] = self._mean.per_finding()
        return value
