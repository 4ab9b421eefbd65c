"""A few studies' scores, pooling and terms, and the way back to every gradient, in buffers that are used again.

Forward and backward stand together because they share their places in memory: what the forward needs no more, the
backward writes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from itemclip_med.losses.itemwise import ItemTerms, TextPairs
from itemclip_med.losses.visibility import Visibility

WRITTEN_BY_STUDY = ("tokens", "queries", "constant")  # every study sets its own part of these gradients
_THROUGH_POOLING = (*WRITTEN_BY_STUDY, "key_weight", "value_weight")
_ALIGNMENT = 16


@dataclass
class Plan:
    """All that the function needs beside tensors with gradients, and where it leaves what it found."""

    pairs: TextPairs
    visible: Visibility
    terms: ItemTerms
    eps: float
    fold: bool
    with_gradients: bool
    found: dict[str, Tensor] = field(default_factory=dict)


class StudyPart:
    """A few studies: scores, pooling, terms, and the way back.

    Args:
        plan: settings.
        inputs: of the whole batch, by name.
        grads: the wanted gradients of the whole batch, by name.
        part: the studies.
        workspace: buffers that the next studies use again.
    """

    keys: Tensor  # of the patch tokens, and their values: not there where they are folded
    values: Tensor
    selected: Any  # (b, T, k) key tokens and their weighted sums: None without KTA
    key_seen: Any
    key_share: Any

    def __init__(
        self,
        plan: Plan,
        inputs: dict[str, Any],
        grads: dict[str, Tensor],
        part: slice,
        workspace: dict[str, Tensor],
    ) -> None:
        self.plan, self.grads, self.part, self.workspace = plan, grads, part, workspace
        self.key_weight, self.value_weight = inputs["key_weight"], inputs["value_weight"]
        self.tokens = inputs["tokens"][part].float()  # (b, P, E)
        self.normalized, self.mean, self.rstd = torch.native_layer_norm(
            self.tokens, self.tokens.shape[-1:], None, None, plan.eps
        )
        self.queries, self.constant = inputs["queries"][part], inputs["constant"][part]
        self.num_studies, self.num_heads, self.num_texts = self.queries.shape[:3]
        self.num_tokens = self.tokens.shape[1]
        self._reaches_pooling = any(name in grads for name in _THROUGH_POOLING)
        self._project_tokens()
        self._attend()
        self._pool()
        self._compare(inputs)

    # -- forward ------------------------------------------------------------------------------------------------------

    def _project_tokens(self) -> None:
        """Keys and values of the tokens: (b, H, P, d) projections; none when folded, they are the tokens themselves."""
        if self.plan.fold:
            return
        self.keys = self._split(self.normalized @ self.key_weight.flatten(0, 1).T)
        self.values = self._split(self.normalized @ self.value_weight.flatten(0, 1).T)

    def _attend(self) -> None:
        """Scores and attention, rows of P patch tokens, the zero key and filling up to an even length."""
        row = row_length(self.num_tokens)
        shape = (self.num_studies, 2, self.num_heads, self.num_texts, row)
        # Scores, later their gradients, lie beside the attention, so that one product can use both.
        self.both = self._buffer("both", shape)
        self.scores, self.attention = self.both[:, 0], self.both[:, 1]
        if self.plan.fold:
            target = self.scores.flatten(1, 2)[..., : self.num_tokens]
            _matmul_into(target, self.queries.flatten(1, 2), self.normalized.mT)
        else:
            self.scores[..., : self.num_tokens] = self.queries @ self.keys.mT
        self.scores[..., self.num_tokens] = -self.constant[..., 0]
        self.scores[..., self.num_tokens + 1 :] = -torch.inf
        visible = self.plan.visible
        if visible.real is not None:
            hidden = ~visible.real[self.part][:, None, None, :]
            self.scores[..., : self.num_tokens].masked_fill_(hidden, -torch.inf)
        if visible.mask is not None:
            masked = self.scores.clone()
            masked[..., : self.num_tokens].masked_fill_(~visible.mask[self.part].to(masked.device), -torch.inf)
            self._softmax(masked)
        elif visible.drops is not None:
            # KTA needs the scores that ILA may not see, so they are put back afterwards.
            places = self._hidden_places()
            flat = self.both.view(-1)
            saved = flat[places]
            flat.index_fill_(0, places, -torch.inf)
            self._softmax(self.scores)
            flat.index_copy_(0, places, saved)
        else:
            self._softmax(self.scores)

    def _hidden_places(self) -> Tensor:
        """Flat indices into ``both`` of the scores that are hidden in the ILA pass."""
        visible, row = self.plan.visible, self.scores.shape[-1]
        num_places = self.num_heads * self.num_texts * self.num_tokens
        first = visible.first_study + self.part.start
        places = []
        for index in range(self.num_studies):
            drawn = visible.drops.positions(first + index, num_places).to(self.scores.device)
            place = drawn + torch.div(drawn, self.num_tokens, rounding_mode="floor") * (row - self.num_tokens)
            # what lies beyond the last place goes to a filling column, which is hidden anyway
            place = torch.where(drawn < num_places, place, self.num_tokens + 1)
            places.append(place + index * self.both.stride(0))
        return torch.cat(places)

    def _softmax(self, scores: Tensor) -> None:
        if self.num_studies == 1 and scores.is_contiguous():
            torch.ops.aten._softmax.out(scores, -1, False, out=self.attention)
        else:
            self.attention.copy_(scores.softmax(-1))

    def _pool(self) -> None:
        """Weighted sums of values for ILA, and for KTA over the key tokens only."""
        attention = self.attention[..., : self.num_tokens]
        self.seen = self._sum_values(attention)
        self.share = attention.sum(-1, keepdim=True)
        self.selected = self.key_seen = self.key_share = None
        if "kta" not in self.plan.terms.weights:
            return
        count = self.plan.terms.count_key_tokens(self.num_tokens)
        self.selected = attention.mean(1).topk(count, dim=-1, sorted=False).indices  # (b, T, k)
        places = self.selected[:, None].expand(-1, self.num_heads, -1, -1)
        few = torch.cat([self.scores.gather(3, places), -self.constant], dim=-1).softmax(-1)
        self.key_attention = few  # (b, H, T, k + 1), the zero key last
        self.key_share = few[..., :-1].sum(-1, keepdim=True)
        if self.plan.fold:
            index = self.selected.flatten(1)
            if self.num_studies > 1:
                index = index + self.num_tokens * torch.arange(self.num_studies, device=index.device)[:, None]
            self.key_index = index.flatten()
            width = self.normalized.shape[-1]
            self.key_tokens = self._buffer("key tokens", (self.num_studies, self.num_texts, count, width))
            flat = self.key_tokens.view(-1, width)
            torch.index_select(self.normalized.view(-1, width), 0, self.key_index, out=flat)
            self.key_seen = (few[..., :-1].transpose(1, 2) @ self.key_tokens).transpose(1, 2)  # (b, H, T, E)
        else:
            self.key_weights = self._buffer("key", self.scores.shape).zero_()
            self.key_weights.scatter_(3, places, few[..., :-1])
            self.key_seen = self._sum_values(self.key_weights[..., : self.num_tokens])

    def _compare(self, inputs: dict[str, Any]) -> None:
        """From weighted sums to the terms, all small, so that autograd finds the way back."""
        names = ("value_weight", "value_bias", "out_weight", "out_bias", "scale", "bias")
        rest = {name: inputs[name] for name in names} | {"unit_texts": inputs["unit_texts"][self.part]}
        seen = {"seen": self.seen, "share": self.share, "key_seen": self.key_seen, "key_share": self.key_share}
        leaves = {name: value.detach() for name, value in (rest | seen).items() if value is not None}
        asked = [name for name in leaves if (self._reaches_pooling if name in seen else name in self.grads)]
        with torch.enable_grad():
            for name in asked:
                leaves[name].requires_grad_()
            pooled = self._project_out(leaves, "seen", "share")
            key_pooled = None if self.selected is None else self._project_out(leaves, "key_seen", "key_share")
            pairs = self.plan.pairs.studies(self.part)
            terms, logits = self.plan.terms(
                pooled, key_pooled, leaves["unit_texts"], pairs, leaves["scale"], leaves["bias"]
            )
            total = self.plan.terms.total(terms)
        found = torch.autograd.grad(total, [leaves[name] for name in asked], allow_unused=True) if asked else ()
        self.small = {name: gradient for name, gradient in zip(asked, found, strict=True) if gradient is not None}
        self.total = total.detach()
        self.found = {name: value.detach() for name, value in (terms | logits).items()}
        if self.selected is not None:
            self.found["key_tokens"] = self.selected.sort(dim=2).values

    def _project_out(self, leaves: dict[str, Tensor], seen: str, share: str) -> Tensor:
        """Pooled (b, T, E) from weighted sums of tokens (folded) or of values."""
        pooled = leaves[seen]
        if self.plan.fold:
            pooled = pooled @ leaves["value_weight"].mT
        pooled = pooled + leaves[share] * leaves["value_bias"]
        return F.linear(pooled.transpose(1, 2).flatten(2), leaves["out_weight"], leaves["out_bias"])

    # -- backward -----------------------------------------------------------------------------------------------------

    def add_gradients(self) -> None:
        """Add these studies' gradients to those of the batch."""
        for name, gradient in self.small.items():
            if name in self.grads:
                (self.grads[name][self.part] if name == "unit_texts" else self.grads[name]).add_(gradient)
        if not self._reaches_pooling:
            return
        seen, share = self._gradient("seen", self.seen), self._gradient("share", self.share)
        num_tokens = self.num_tokens
        few, key_seen = None, None
        if self.selected is not None:
            key_seen = self._gradient("key_seen", self.key_seen)
            few = self._key_attention_gradient(key_seen, self._gradient("key_share", self.key_share))
        # The scores are needed no more: their place takes the gradient of the attention, then their own.
        if self.plan.fold:
            _matmul_into(self.scores.flatten(1, 2)[..., :num_tokens], seen.flatten(1, 2), self.normalized.mT)
        else:
            self.scores[..., :num_tokens] = seen @ self.values.mT
        # Adding one number to the gradients of all weights of a row changes nothing, so `share` goes to the zero key.
        self.scores[..., num_tokens] = -share[..., 0]
        self.scores[..., num_tokens + 1 :] = 0
        self._softmax_backward()
        if few is not None:
            places = self.selected[:, None].expand(-1, self.num_heads, -1, -1)
            self.scores.scatter_add_(3, places, few[..., :-1])
            self.scores[..., num_tokens] += few[..., -1]
        if "constant" in self.grads:
            self.grads["constant"][self.part, ..., 0] = -self.scores[..., num_tokens]
        gradient = self.scores[..., :num_tokens]
        if self.plan.fold:
            self._finish_folded(gradient, seen, key_seen)
        else:
            self._finish_projected(gradient, seen, key_seen)

    def _gradient(self, name: str, like: Tensor) -> Tensor:
        gradient = self.small.get(name)
        return torch.zeros_like(like) if gradient is None else gradient

    def _key_attention_gradient(self, key_seen: Tensor, key_share: Tensor) -> Tensor:
        """Gradient of the key tokens' scores and, last, of the zero key's: (b, H, T, k + 1)."""
        if self.plan.fold:
            gradient = (key_seen.transpose(1, 2) @ self.key_tokens.mT).transpose(1, 2)
        else:
            places = self.selected[:, None].expand(-1, self.num_heads, -1, -1)
            gradient = torch.matmul(key_seen, self.values.mT).gather(3, places)
        gradient = torch.cat([gradient, -key_share], dim=-1)
        weighted = gradient * self.key_attention
        return weighted - self.key_attention * weighted.sum(-1, keepdim=True)

    def _softmax_backward(self) -> None:
        """Turn the attention's gradient, which lies in the scores' place, into the scores' own."""
        if self.num_studies == 1 and not self.scores.is_cuda:
            torch.ops.aten._softmax_backward_data.out(
                self.scores, self.attention, -1, torch.float32, grad_input=self.scores
            )
        else:
            self.scores.copy_(torch._softmax_backward_data(self.scores, self.attention, -1, torch.float32))

    def _finish_folded(self, gradient: Tensor, seen: Tensor, key_seen: Tensor | None) -> None:
        if "queries" in self.grads:
            self.grads["queries"][self.part] = (gradient.flatten(1, 2) @ self.normalized).view(self.queries.shape)
        if "tokens" not in self.grads:
            return
        # one product for both: what the scores ask of the tokens, and what the weighted sum does
        sides = torch.cat([self.queries.flatten(1, 2), seen.flatten(1, 2)], dim=1)
        on_tokens = self._buffer("on tokens", self.normalized.shape)
        _matmul_into(on_tokens, self.both.flatten(1, 3)[..., : self.num_tokens].mT, sides)
        if key_seen is not None:
            # the key tokens are needed no more, their place takes what is asked of them: (b, T, k, E)
            on_keys = self.key_tokens.flatten(0, 1)
            keys = self.key_attention[..., :-1].permute(0, 2, 3, 1).flatten(0, 1)
            torch.bmm(keys, key_seen.transpose(1, 2).flatten(0, 1), out=on_keys)
            # index_select's own backward, but added in place
            on_tokens.flatten(0, 1).index_add_(0, self.key_index, on_keys.flatten(0, 1))
        self._through_norm(on_tokens)

    def _finish_projected(self, gradient: Tensor, seen: Tensor, key_seen: Tensor | None) -> None:
        if "queries" in self.grads:
            self.grads["queries"][self.part] = gradient @ self.keys
        on_keys = self._join(gradient.mT @ self.queries)
        on_values = self.attention[..., : self.num_tokens].mT @ seen
        if key_seen is not None:
            on_values += self.key_weights[..., : self.num_tokens].mT @ key_seen
        on_values = self._join(on_values)
        flat = self.normalized.flatten(0, 1)
        for name, on_side in (("key_weight", on_keys), ("value_weight", on_values)):
            if name in self.grads:
                self.grads[name].view(-1, flat.shape[-1]).addmm_(on_side.flatten(0, 1).T, flat)
        if "tokens" in self.grads:
            on_tokens = on_keys @ self.key_weight.flatten(0, 1)
            on_tokens += on_values @ self.value_weight.flatten(0, 1)
            self._through_norm(on_tokens)

    def _through_norm(self, on_tokens: Tensor) -> None:
        self.grads["tokens"][self.part] = torch.ops.aten.native_layer_norm_backward(
            on_tokens, self.tokens, self.tokens.shape[-1:], self.mean, self.rstd, None, None, [True, False, False]
        )[0]

    # -- shapes -------------------------------------------------------------------------------------------------------

    def _sum_values(self, weights: Tensor) -> Tensor:
        """(b, H, T, P) weights to (b, H, T, E) sums of tokens, or (b, H, T, d) sums of values."""
        if self.plan.fold:
            return (weights.flatten(1, 2) @ self.normalized).unflatten(1, weights.shape[1:3])
        return weights @ self.values

    def _split(self, x: Tensor) -> Tensor:
        """(b, P, E) to (b, H, P, d)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _join(self, x: Tensor) -> Tensor:
        """(b, H, P, d) to (b, P, E)."""
        return x.transpose(1, 2).flatten(2)

    def _buffer(self, name: str, shape: Sequence[int]) -> Tensor:
        """A buffer for these studies; the last ones may be fewer."""
        if name not in self.workspace:
            self.workspace[name] = torch.empty(tuple(shape), device=self.tokens.device)
        return self.workspace[name][: shape[0]]


def row_length(num_tokens: int) -> int:
    """P patch tokens, the zero key and at least one filling column, rounded up."""
    return -(-(num_tokens + 2) // _ALIGNMENT) * _ALIGNMENT


def _matmul_into(out: Tensor, left: Tensor, right: Tensor) -> None:
    """(b, n, m) @ (b, m, p) into a part of a buffer, without a copy where there is one study."""
    if len(out) == 1:
        torch.mm(left[0], right[0], out=out[0])
    else:
        torch.bmm(left, right, out=out)
