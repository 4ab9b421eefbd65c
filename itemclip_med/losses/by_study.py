"""The item-level terms with their gradients, a few studies at a time.

ILA, KTA and IIS are sums over studies once the text columns are drawn. So each study's gradients are taken right after
its forward, inside one autograd function, and only the gradients are kept: nothing of size (B, H, T, P) ever exists.
Within a study one score matrix serves the ILA pass, the search for key tokens and the KTA pass. The zero key is one
more column of that matrix: a constant that is common to a row's scores moves there with the opposite sign.

With few texts the key and value projections are carried to the texts (*folded*: H * T rows of width E meet the patch
tokens); with many the patch tokens are projected once. ``PoolParts.fold`` says which is cheaper.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from itemclip_med.losses.itemwise import ItemTerms, TextPairs
from itemclip_med.losses.study_part import WRITTEN_BY_STUDY, Plan, StudyPart, row_length
from itemclip_med.losses.visibility import Visibility

# Scores that are handled at once. Small enough for a CPU's cache, large enough to keep a GPU busy.
_SCORES_AT_ONCE = {"cpu": 2**20}
_SCORES_AT_ONCE_ELSEWHERE = 2**26
_INPUTS = (
    "tokens",
    "unit_texts",
    "queries",
    "constant",
    "key_weight",
    "value_weight",
    "value_bias",
    "out_weight",
    "out_bias",
    "scale",
    "bias",
)


class PoolParts(Protocol):
    """An attention pool taken apart, see :class:`itemclip_med.models.pooling.PoolParts`."""

    queries: Tensor
    constant: Tensor
    key_weight: Tensor
    value_weight: Tensor
    value_bias: Tensor
    out_weight: Tensor
    out_bias: Tensor
    eps: float
    fold: bool


@torch.compiler.disable
def item_terms_by_study(
    tokens: Tensor,
    unit_texts: Tensor,
    parts: PoolParts,
    pairs: TextPairs,
    visible: Visibility,
    terms: ItemTerms,
    scale: Tensor,
    bias: Tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Compute the item-level terms of a batch.

    Args:
        tokens: (B, P, E) patch tokens, any floating type.
        unit_texts: (B, T, E) unit vectors.
        parts: the pool, with the queries of the texts.
        pairs: how the text columns count.
        visible: which patch tokens the texts may look at.
        terms: which terms, and how.
        scale: scalar, multiplies the cosines.
        bias: scalar, is added to the logits.

    Returns:
        Their weighted total, which carries the gradient, and detached: the terms by name, ``ila_logits``,
        ``kta_logits`` (B, T) and ``key_tokens`` (B, T, k) ascending.
    """
    queries = parts.queries @ parts.key_weight if parts.fold else parts.queries
    plan = Plan(pairs, visible, terms, parts.eps, parts.fold, torch.is_grad_enabled())
    total = _ByStudy.apply(
        plan,
        tokens,
        unit_texts,
        queries,
        parts.constant,
        None if parts.fold else parts.key_weight,
        parts.value_weight,
        parts.value_bias,
        parts.out_weight,
        parts.out_bias,
        scale,
        bias,
    )
    return total, plan.found


class _ByStudy(torch.autograd.Function):
    """Forward computes the gradients too; backward only scales them by what comes in."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *given: Tensor | None) -> Tensor:
        """Go through the studies."""
        ctx.dtypes = [None if x is None else x.dtype for x in given]
        inputs: dict[str, Any] = dict(zip(_INPUTS, given, strict=True))
        tokens, queries = inputs["tokens"], inputs["queries"]
        batch, num_heads, num_texts = queries.shape[:3]
        scores = num_heads * num_texts * row_length(tokens.shape[1])
        at_once = max(1, _SCORES_AT_ONCE.get(tokens.device.type, _SCORES_AT_ONCE_ELSEWHERE) // scores)
        grads = {
            name: (torch.empty if name in WRITTEN_BY_STUDY else torch.zeros)(inputs[name].shape, device=tokens.device)
            for name, needed in zip(_INPUTS, ctx.needs_input_grad[1:], strict=True)
            if needed and plan.with_gradients
        }
        total = torch.zeros((), device=tokens.device)
        found: list[dict[str, Tensor]] = []
        workspace: dict[str, Tensor] = {}
        for start in range(0, batch, at_once):
            part = slice(start, min(start + at_once, batch))
            one = StudyPart(plan, inputs, grads, part, workspace)
            total += one.total
            one.add_gradients()
            found.append(one.found)
            del one  # before the next studies ask for memory
        plan.found = {
            name: torch.stack([x[name] for x in found]).sum(0)
            if name in plan.terms.weights
            else torch.cat([x[name] for x in found])
            for name in found[0]
        }
        ctx.gradients = grads
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_total: Tensor) -> tuple[Tensor | None, ...]:
        """Scale and hand over."""
        if ctx.gradients is None:
            raise RuntimeError(
                "ItemizedCLIPLoss: a second backward through one loss, but its gradients were handed over in the "
                "first. Compute the loss again, or build it with by_study=False."
            )
        # Handed over for good, scaled in place: a copy of the patch tokens' gradient is the largest thing here.
        gradients, ctx.gradients = ctx.gradients, None
        as_they_are = grad_total.device.type == "cpu" and grad_total.item() == 1
        handed: list[Tensor | None] = [None]
        for name, dtype in zip(_INPUTS, ctx.dtypes, strict=True):
            gradient = gradients.pop(name, None)
            if gradient is not None:
                gradient = (gradient if as_they_are else gradient.mul_(grad_total)).to(dtype)
            handed.append(gradient)
        return tuple(handed)
