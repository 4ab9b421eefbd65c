"""Losses that align a study's image with the single items of its report."""

from itemclip_med.losses.baselines import CLIPLoss, SigLIPLoss
from itemclip_med.losses.contrastive import multi_positive_loss
from itemclip_med.losses.itemized import ItemizedCLIPLoss
from itemclip_med.losses.itemwise import item_alignment_loss, item_separation_loss, select_worst_positive
from itemclip_med.losses.sampling import LossDraws, draw_text_columns, draw_token_mask, make_text_layout

__all__ = [
    "CLIPLoss",
    "ItemizedCLIPLoss",
    "LossDraws",
    "SigLIPLoss",
    "draw_text_columns",
    "draw_token_mask",
    "item_alignment_loss",
    "item_separation_loss",
    "make_text_layout",
    "multi_positive_loss",
    "select_worst_positive",
]
