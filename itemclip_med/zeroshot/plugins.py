"""What a model must do to be evaluated: any object with ``encode_study``, ``encode_text`` and ``score``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from itemclip_med.errors import TaskError

if TYPE_CHECKING:
    from torch import Tensor

_METHODS = ("encode_study", "encode_text", "score")


@runtime_checkable
class StudyScorer(Protocol):
    """A model as the evaluator sees it; :class:`itemclip_med.models.ItemizedCLIP` is one.

    Attributes:
        preprocessing: how studies of a store become images (``transforms.ModelInput.to_dict()``).

    An optional attribute ``digest`` (text) names the weights; with it, encoded studies are kept and runs resume.
    """

    preprocessing: Mapping[str, Any] | None

    def encode_study(self, images: Tensor, series_names: Sequence[Sequence[str]], series_mask: Tensor) -> Any:
        """Encode B studies: images (B, N, C, D, H, W), B lists of names, mask (B, N) False at padding series.

        Returns:
            A tensor (B, …), a mapping of such tensors, or anything else that :meth:`score` understands.
        """

    def encode_text(self, texts: Sequence[str]) -> Any:
        """Encode K prompts, once for all studies."""

    def score(self, study: Any, prompts: Any) -> Tensor:
        """Scores (B, K) of encoded studies and prompts, higher where a finding is more likely."""


def load_plugin(name: str) -> StudyScorer:
    """Import a model of one's own: this runs its code.

    Args:
        name: ``package.module:attribute``, an object, or a class or function that makes one without arguments; modules
            in the working directory are found too.

    Raises:
        TaskError: if there is no such module or attribute, or it is no model.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise TaskError(f"Plug-in {name!r}: expected module:attribute, such as mymodel:MyModel.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        raise TaskError(f"Plug-in {name}: no module {error.name}; is it installed, or in this folder?") from error
    except AttributeError as error:
        raise TaskError(f"Plug-in {name}: {module_name} has no {attribute}.") from error
    model = found if not isinstance(found, type) and _missing(found) == [] else found()
    check_scorer(model, name)
    return model


def check_scorer(model: object, name: str = "") -> None:
    """Refuse what is no model.

    Raises:
        TaskError: if a method is missing, or the preprocessing; names them.
    """
    lacking = _missing(model)
    if lacking:
        raise TaskError(
            f"{name or type(model).__name__} lacks {', '.join(lacking)}: a model needs {', '.join(_METHODS)}."
        )
    if getattr(model, "preprocessing", None) is None:
        raise TaskError(
            f"{name or type(model).__name__} has no preprocessing: say how studies become images "
            "(transforms.ModelInput(…).to_dict())."
        )


def _missing(model: object) -> list[str]:
    return [method for method in _METHODS if not callable(getattr(model, method, None))]
