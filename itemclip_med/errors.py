"""Every exception that the package raises on purpose.

::

    ItemClipError                 what a user can mend; the command line prints it as one line
    ├── SourceError               a folder, archive or file that cannot be used as a source
    │   ├── DicomError            one DICOM file or series that cannot be read
    │   │   ├── GeometryError     positions, orientations or spacings that make no single volume
    │   │   └── PixelError        pixel data missing, truncated, or in a syntax without a decoder
    │   └── FormatError           NIfTI, NPZ, CSV or JSON with other contents than its format promises
    ├── RecipeError               a recipe that does not exist or does not say what it must
    ├── StoreError                a store that is locked, torn, of another version, or lacks a study
    ├── LabelsError               labels or reports that do not match the studies they are joined with
    ├── ModelError                weights, configuration or tokenizer that do not fit together
    ├── TaskError                 a zero-shot task that does not exist, or scores that cannot be evaluated
    └── MissingPackageError       an optional package that is not installed; says how to install it

Messages name the thing by study id and number, say what was found and what was expected, and what to do next. They
never hold a patient's name, number or date, nor report text.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class ItemClipError(Exception):
    """Something a user can mend: the message says which thing, what was found, what was expected and what to do.

    Args:
        message: one line.
        misuse: what was named (a source, model, recipe, bundle …) is not there, so nothing was tried: the command line
            then ends with status 2, as for an option that it does not know, and not with 1.
    """

    def __init__(self, message: str = "", *, misuse: bool = False) -> None:
        super().__init__(message)
        self.misuse = misuse


class SourceError(ItemClipError):
    """A folder, archive or file that cannot be used as a source."""


class DicomError(SourceError):
    """A DICOM file or series that cannot be read."""


class GeometryError(DicomError):
    """Slice positions, orientations or spacings that do not make one volume."""


class PixelError(DicomError):
    """Pixel data that are missing, truncated or compressed in a way that no installed decoder reads."""


class FormatError(SourceError):
    """A NIfTI, NPZ, CSV or JSON file whose contents are not what its format promises."""


class RecipeError(ItemClipError):
    """A recipe that does not exist, or does not say what it must."""


class StoreError(ItemClipError):
    """A store that is locked, torn, of another version, or lacks what was asked of it."""


class LabelsError(ItemClipError):
    """Labels or reports that do not match the studies they are joined with."""


class ModelError(ItemClipError):
    """Weights, configuration, tokenizer or input that do not fit together."""


class TaskError(ItemClipError):
    """A zero-shot task that does not exist, or scores that cannot be evaluated."""


class MissingPackageError(ItemClipError):
    """An optional package that is not installed."""

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package}: pip install 'itemclip-med[{extra}]'")


def place_of(error: BaseException) -> str:
    """The program's file and line that an error comes from, without the error's words: they may name a patient.

    Args:
        error: as caught.
    """
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(place.filename).name}, line {place.lineno}"
