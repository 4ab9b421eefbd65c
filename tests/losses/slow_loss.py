"""The itemized loss in its sound form, one study, one text and one head at a time."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from itemclip_med.models.pooling import AttentionPool


def pool_one_text(
    pool: AttentionPool, text: Tensor, tokens: Tensor, may_see: list[list[int]]
) -> tuple[Tensor, list[Tensor]]:
    """Pool (P, E) tokens for one (E,) text.

    Args:
        pool: only its parameters are used.
        text: of the item.
        tokens: of the study.
        may_see: for every head the tokens that the text may look at.

    Returns:
        (E,) pooled, and for every head the (P,) attention.
    """
    width = len(text) // pool.num_heads
    q, k, v = (
        F.linear(norm(x), pool.in_proj_weight[rows], pool.in_proj_bias[rows])
        for norm, x, rows in (
            (pool.norm_q, text, slice(0, len(text))),
            (pool.norm_k, tokens, slice(len(text), 2 * len(text))),
            (pool.norm_v, tokens, slice(2 * len(text), 3 * len(text))),
        )
    )
    heads, attentions = [], []
    for head, seen in enumerate(may_see):
        part = slice(head * width, (head + 1) * width)
        logits = [(q[part] * k[place, part]).sum() / width**0.5 for place in seen]
        weights = torch.stack([*logits, torch.tensor(0.0)]).softmax(0)  # the zero key last
        heads.append(sum((weights[n] * v[place, part] for n, place in enumerate(seen)), torch.zeros(width)))
        attention = torch.zeros(len(tokens))
        attention[seen] = weights[:-1].detach()
        attentions.append(attention)
    return pool.out_proj(torch.cat(heads)), attentions


@dataclass(frozen=True)
class SlowLoss:
    """Called like :class:`itemclip_med.losses.ItemizedCLIPLoss`, with draws."""

    ila: float = 1.0
    kta: float = 1.0
    mps: float = 0.01
    iis: float = 1.0
    key_share: float = 0.05
    worst_positive_factor: float = 1.5

    def __call__(
        self,
        image_tokens,
        image_features,
        item_features,
        item_mask,
        is_normal,
        pool,
        logit_scale,
        logit_bias,
        draws,
        token_mask=None,
    ):
        num_studies, num_slots, _ = item_features.shape
        num_tokens = image_tokens.shape[1]
        has_items = [bool(item_mask[i].any()) for i in range(num_studies)]
        divisor = max(1, sum(has_items))
        ila = kta = mps = iis = torch.tensor(0.0)
        for i in range(num_studies):
            if not has_items[i]:
                continue
            real = [p for p in range(num_tokens) if token_mask is None or token_mask[i, p]]
            own, rows = {}, []
            for column, index in enumerate(draws.text_columns[i].tolist()):
                j, slot = divmod(index, num_slots)
                text = item_features[j, slot]
                keep = None if draws.token_mask is None else draws.token_mask[i, :, column]
                may_see = [[p for p in real if keep is None or keep[h, p]] for h in range(pool.num_heads)]
                pooled, attention = pool_one_text(pool, text, image_tokens[i], may_see)
                mean = torch.stack(attention).mean(0)
                keys = mean.topk(max(1, int(num_tokens * self.key_share))).indices.tolist()
                keys = [[p for p in keys if p in real]] * pool.num_heads
                key_pooled, _ = pool_one_text(pool, text, image_tokens[i], keys)
                logit = logit_scale * F.cosine_similarity(pooled, text, dim=0) + logit_bias
                key_logit = logit_scale * F.cosine_similarity(key_pooled, text, dim=0) + logit_bias
                if j == i:
                    own[slot] = pooled
                    counts = bool(item_mask[i, slot])
                else:
                    counts = has_items[j] and not (is_normal[i] and is_normal[j])
                rows.append((logit, key_logit, j == i, counts))
            positives = [n for n, (_, _, is_own, counts) in enumerate(rows) if is_own and counts]
            worst = min(positives, key=lambda n: rows[n][0].item())
            for n, (logit, key_logit, is_own, counts) in enumerate(rows):
                weight = counts * (self.worst_positive_factor if n == worst else 1)
                sign = 1 if is_own else -1
                ila = ila - weight * F.logsigmoid(sign * logit) / divisor
                kta = kta - weight * F.logsigmoid(sign * key_logit) / divisor
            for j in range(num_studies):
                for slot in range(num_slots):
                    if not item_mask[j, slot] or (i != j and is_normal[i] and is_normal[j]):
                        continue
                    cosine = F.cosine_similarity(image_features[i], item_features[j, slot], dim=0)
                    sign = 1 if i == j else -1
                    mps = mps - F.logsigmoid(sign * (logit_scale * cosine + logit_bias)) / (divisor * num_slots)
            for a in range(num_slots):
                for b in range(num_slots):
                    if item_mask[i, a] and item_mask[i, b]:
                        cosine = F.cosine_similarity(own[a], item_features[i, b], dim=0)
                        sign = 1 if a == b else -1
                        iis = iis - F.logsigmoid(sign * (logit_scale * cosine + logit_bias)) / (divisor * num_slots)
        total = self.ila * ila + self.kta * kta + self.mps * mps + self.iis * iis
        return {"ila": ila, "kta": kta, "mps": mps, "iis": iis, "total": total}
