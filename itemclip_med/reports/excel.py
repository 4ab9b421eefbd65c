"""Rows of an Excel sheet as texts; needs openpyxl, which the extra ``excel`` brings."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from itemclip_med.errors import FormatError, MissingPackageError

MAX_UNPACKED_BYTES = 2_000_000_000


def sheet_rows(path: Path) -> Iterator[list[str]]:
    """The rows of the first sheet, each as long as the first.

    Args:
        path: an .xlsx file; formulas count as the values that Excel saved with them.

    Yields:
        Cells as text; whole numbers without a decimal point, dates in ISO form, empty cells as "".

    Raises:
        MissingPackageError: if openpyxl is not installed.
        FormatError: if the file is no workbook, or unpacks to more than :data:`MAX_UNPACKED_BYTES`.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingPackageError("openpyxl", extra="excel", purpose="Reading an Excel sheet") from error
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise FormatError(f"{path.name} unpacks to {unpacked} bytes: save the sheet as CSV instead.")
        book = load_workbook(path, read_only=True, data_only=True)
    except FormatError:
        raise
    except Exception as error:  # openpyxl lets through whatever zip and XML readers raise
        raise FormatError(
            f"{path.name} cannot be read as an Excel workbook ({type(error).__name__}): save it as .xlsx or CSV."
        ) from error
    try:
        width = None
        for cells in book.worksheets[0].iter_rows(values_only=True):
            row = [_text(cell) for cell in cells]
            if width is None:
                while row and not row[-1]:
                    row.pop()
                width = len(row)
            yield [*row, *[""] * (width - len(row))][:width]
    finally:
        book.close()


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, (datetime.datetime, datetime.date, datetime.time)):
        return cell.isoformat()
    return str(cell).replace("_x000D_", "").strip()
