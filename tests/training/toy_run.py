"""A whole toy training run on MONAI's trainer, put together as the bundle does it."""

from __future__ import annotations

from pathlib import Path

import torch
from ignite.engine import Events
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import LrScheduleHandler, ValidationHandler
from monai.inferers import SimpleInferer
from monai.optimizers import WarmupCosineSchedule

from itemclip_med.data import BlockSampler
from itemclip_med.losses import ItemizedCLIPLoss
from itemclip_med.training import (
    Checkpoints,
    ExportModel,
    GradClip,
    ItemizedStep,
    LogScaleClamp,
    LossLog,
    LossScaling,
    MeanAUC,
    MetricLog,
    PickTotal,
    PrepareItemBatch,
    PrepareStudyBatch,
    Resume,
    RunRecord,
    SeedDraws,
    StopOnNaN,
    StopOnSignal,
    ZeroShotInferer,
    parameter_groups,
)
from tests.training.toy_model import ToyModel, ToyStudies, collate

FINDINGS = {"bleed": ["bleed", "fracture"], "shift": "shift"}


class CpuAutocast(SimpleInferer):
    """MONAI's trainer casts for CUDA alone; this does on the CPU what it does there."""

    def __init__(self, precision: str) -> None:
        super().__init__()
        self.dtype = getattr(torch, precision)

    def __call__(self, inputs, network, *args, **keywords):
        with torch.autocast("cpu", dtype=self.dtype):
            return super().__call__(inputs, network, *args, **keywords)


class CpuScaler:
    """MONAI's trainer scales the loss for CUDA alone; this scaler overflows in the first steps, and grows soon."""

    def attach(self, engine) -> None:
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine) -> None:
        engine.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**30, growth_interval=3)


class ToyRun:
    """Trainer, evaluator and what they share."""

    def __init__(
        self,
        folder: Path,
        epochs: int,
        *,
        resume: str = "",
        num_workers: int = 0,
        batch_size: int = 4,
        every_steps: int = 0,
        accumulation_steps: int = 1,
        precision: str = "float32",
        scaled: bool = False,
    ) -> None:
        torch.manual_seed(0)
        self.model = ToyModel()
        self.dataset = ToyStudies()
        step = ItemizedStep(self.model, ItemizedCLIPLoss())
        optimizer = torch.optim.AdamW(parameter_groups(self.model, 0.2), lr=5e-2)
        sampler = BlockSampler(self.dataset, batch_size, seed=3)
        loader = torch.utils.data.DataLoader(
            self.dataset, batch_size, sampler=sampler, collate_fn=collate, drop_last=True, num_workers=num_workers
        )
        schedule = WarmupCosineSchedule(optimizer, warmup_steps=2, t_total=epochs * len(loader))
        self.best = ExportModel(self.model, folder / "exported" / "best", metric="val_mean_auc")
        self.evaluator = SupervisedEvaluator(
            device=torch.device("cpu"),
            val_data_loader=torch.utils.data.DataLoader(self.dataset, 4, collate_fn=collate),
            network=self.model,
            inferer=ZeroShotInferer(FINDINGS),
            prepare_batch=PrepareStudyBatch(list(FINDINGS)),
            key_val_metric={"val_mean_auc": MeanAUC(list(FINDINGS))},
            val_handlers=[MetricLog(folder), self.best],
            decollate=False,
        )
        parts = {"model": self.model, "optimizer": optimizer, "lr_scheduler": schedule, "best": self.best}
        self.checkpoints = Checkpoints(folder / "checkpoints", parts, self.evaluator, every_steps=every_steps)
        handlers = [
            *([CpuScaler()] if scaled or precision == "float16" else []),
            LossScaling(precision),
            Resume(self.checkpoints, resume),
            SeedDraws(5, step, [self.dataset]),
            StopOnNaN(),
            GradClip(1.0),
            LogScaleClamp(self.model),
            LrScheduleHandler(schedule, epoch_level=False, print_lr=False),
            ValidationHandler(1, self.evaluator),
            LossLog(folder, interval=2, optimizer=optimizer, model=self.model),
            RunRecord(folder, seed=5, config={"epochs": epochs}),
            ExportModel(self.model, folder / "exported" / "last"),
            StopOnSignal(self.checkpoints),
        ]
        self.trainer = SupervisedTrainer(
            device=torch.device("cpu"),
            max_epochs=epochs,
            train_data_loader=loader,
            network=step,
            optimizer=optimizer,
            loss_function=PickTotal(),
            prepare_batch=PrepareItemBatch(),
            train_handlers=handlers,
            decollate=False,
            optim_set_to_none=True,
            accumulation_steps=accumulation_steps,
            amp=scaled or precision == "float16",
            inferer=SimpleInferer() if precision == "float32" else CpuAutocast(precision),
        )
        self.checkpoints.attach(self.trainer)
        self.schedule = schedule
        self.losses: list[float] = []
        self.trainer.add_event_handler(
            Events.ITERATION_COMPLETED, lambda engine: self.losses.append(engine.state.output["loss"].item())
        )

    def run(self) -> ToyRun:
        self.trainer.run()
        return self

    def spoil(self, study: int) -> None:
        """Make the voxels of a study no numbers."""
        self.dataset.images[study] = float("nan")
