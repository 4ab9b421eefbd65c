"""Where curves can be looked at: TensorBoard, MLflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from itemclip_med.errors import MissingPackageError

_EXPERIMENT = "itemclip_med"
_REFUSED = re.compile(r"[^\w\-. /:]")  # in MLflow's names


class Board(Protocol):
    """Takes numbers by name and step."""

    def add(self, group: str, values: Mapping[str, float], step: int) -> None:
        """Show ``values`` at ``step``, under ``group``."""

    def close(self) -> None:
        """Flush."""


def open_boards(folder: str | Path, *, tensorboard: bool, mlflow: str | None = None, step: int = 0) -> list[Board]:
    """The boards that are wanted.

    Args:
        folder: of the run; TensorBoard's events go to ``tensorboard``.
        tensorboard: write TensorBoard events.
        mlflow: tracking URI of MLflow (``sqlite:///mlflow.db``, ``http://…``); empty or None: none.
        step: steps behind this one are written anew: what TensorBoard has of them is hidden.

    Raises:
        MissingPackageError: if MLflow is wanted and not installed.
    """
    boards: list[Board] = []
    if tensorboard:
        boards.append(TensorBoard(Path(folder) / "tensorboard", step))
    if mlflow:
        boards.append(MLflow(Path(folder), mlflow))
    return boards


class TensorBoard:
    """TensorBoard events in a folder."""

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer: Any = SummaryWriter(log_dir=str(folder), purge_step=step + 1 if step else None)

    def add(self, group: str, values: Mapping[str, float], step: int) -> None:
        """Show numbers."""
        for name, value in values.items():
            self.writer.add_scalar(f"{group}/{name}", value, step)

    def close(self) -> None:
        """Flush."""
        self.writer.close()


class MLflow:
    """One MLflow run for one output folder, which remembers its id."""

    def __init__(self, folder: Path, uri: str) -> None:
        try:
            from mlflow.tracking import MlflowClient
        except ImportError as error:
            raise MissingPackageError("mlflow", extra="mlflow", purpose="Logging to MLflow") from error
        self.client = MlflowClient(tracking_uri=uri)
        remembered = folder / "mlflow_run_id"
        if remembered.is_file():
            self.run_id = remembered.read_text().strip()
        else:
            experiment = self.client.get_experiment_by_name(_EXPERIMENT)
            number = self.client.create_experiment(_EXPERIMENT) if experiment is None else experiment.experiment_id
            self.run_id = self.client.create_run(number, run_name=folder.name).info.run_id
            folder.mkdir(parents=True, exist_ok=True)
            remembered.write_text(self.run_id)

    def add(self, group: str, values: Mapping[str, float], step: int) -> None:
        """Show numbers."""
        for name, value in values.items():
            self.client.log_metric(self.run_id, f"{group}/{_REFUSED.sub('_at_', name)}", value, step=step)

    def close(self) -> None:
        """Nothing to flush: every number was sent."""
