"""The pieces that the bundles' configs name: on MONAI's ``SupervisedTrainer``, with no training loop of our own."""

from itemclip_med.training.batches import PrepareItemBatch, PrepareStudyBatch
from itemclip_med.training.export import ExportModel
from itemclip_med.training.optimizing import GradClip, LogScaleClamp, parameter_groups
from itemclip_med.training.recording import LossLog, MetricLog, RunRecord, ScoreTable
from itemclip_med.training.resume import Resume
from itemclip_med.training.seeding import SeedDraws, derive_seed
from itemclip_med.training.splits import choose_studies
from itemclip_med.training.step import ItemizedStep, PickTotal
from itemclip_med.training.validation import MaskedMeanAUC, MeanAUC, ZeroShotInferer

__all__ = [
    "ExportModel",
    "GradClip",
    "ItemizedStep",
    "LogScaleClamp",
    "LossLog",
    "MaskedMeanAUC",
    "MeanAUC",
    "MetricLog",
    "PickTotal",
    "PrepareItemBatch",
    "PrepareStudyBatch",
    "Resume",
    "RunRecord",
    "ScoreTable",
    "SeedDraws",
    "ZeroShotInferer",
    "choose_studies",
    "derive_seed",
    "parameter_groups",
]
