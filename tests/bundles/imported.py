"""What a training run imports, for a fork server that does it once."""

# ruff: noqa: F401
import monai.bundle
import monai.engines
import monai.handlers
import transformers.models.bert.modeling_bert

import itemclip_med.data
import itemclip_med.losses
import itemclip_med.models
import itemclip_med.training
import itemclip_med.zeroshot
