"""The pieces that the bundles' configs name: on MONAI's ``SupervisedTrainer``, with no training loop of our own."""

from itemclip_med.training.averaging import WeightAverage
from itemclip_med.training.batches import PrepareItemBatch, PrepareStudyBatch
from itemclip_med.training.checkpoints import Checkpoints, find_checkpoints
from itemclip_med.training.export import ExportModel
from itemclip_med.training.finetune import LabelStep, PrepareLabelBatch, finetune_groups, label_step, labeled_studies
from itemclip_med.training.logs import LossLog, MetricLog
from itemclip_med.training.optimizing import GradClip, LogScaleClamp, LossScaling, parameter_groups
from itemclip_med.training.progress import Progress
from itemclip_med.training.recording import RunRecord, ScoreTable
from itemclip_med.training.resume import Resume
from itemclip_med.training.retrieval import ItemRetrieval
from itemclip_med.training.seeding import SeedDraws, derive_seed
from itemclip_med.training.splits import choose_studies
from itemclip_med.training.starting import start_run
from itemclip_med.training.step import ItemizedStep, PickTotal
from itemclip_med.training.stopping import StopOnNaN, StopOnSignal
from itemclip_med.training.validation import MaskedMeanAUC, MeanAUC, ZeroShotInferer

__all__ = [
    "Checkpoints",
    "ExportModel",
    "GradClip",
    "ItemRetrieval",
    "ItemizedStep",
    "LabelStep",
    "LogScaleClamp",
    "LossLog",
    "LossScaling",
    "MaskedMeanAUC",
    "MeanAUC",
    "MetricLog",
    "PickTotal",
    "PrepareItemBatch",
    "PrepareLabelBatch",
    "PrepareStudyBatch",
    "Progress",
    "Resume",
    "RunRecord",
    "ScoreTable",
    "SeedDraws",
    "StopOnNaN",
    "StopOnSignal",
    "WeightAverage",
    "ZeroShotInferer",
    "choose_studies",
    "derive_seed",
    "find_checkpoints",
    "finetune_groups",
    "label_step",
    "labeled_studies",
    "parameter_groups",
    "start_run",
]
