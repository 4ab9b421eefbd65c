"""What a run sets before anything is built: seeds, deterministic sums, errors in one line."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from types import TracebackType

import torch

from itemclip_med.errors import ItemClipError

TRACEBACK_VARIABLE = "ITEMCLIP_TRACEBACK"


def start_run(seed: int, *, deterministic: bool = True, short_errors: bool = True) -> None:
    """Seed every generator and have sums done in one order.

    Args:
        seed: of Python, NumPy and torch, for what is drawn while the model is built.
        deterministic: let torch take deterministic algorithms where it has them, and warn where it has none. Gradients
            of texts that several studies meet are otherwise summed in whatever order threads finish.
        short_errors: end with one line where a user can mend the error; the environment variable
            ``ITEMCLIP_TRACEBACK=1`` shows the whole.
    """
    from monai.utils import set_determinism

    set_determinism(seed=seed)
    if deterministic:
        torch.use_deterministic_algorithms(True, warn_only=True)
        # filling memory costs time and changes no number; torch sets this in a way that types do not see
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010
    if short_errors and not os.environ.get(TRACEBACK_VARIABLE):
        sys.excepthook = _one_line


def _one_line(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Print an error of ours as one line, wherever MONAI wrapped it; anything else as usual.

    Workers of loaders, which outlive signals, are ended: the interpreter would wait for them. Nobody is told of their
    end, for torch would raise an error from whatever runs when the news arrives.
    """
    if hasattr(signal, "SIGCHLD") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for child in multiprocessing.active_children():
        if child.daemon:
            child.kill()
    found: BaseException | None = error
    while found is not None and not isinstance(found, ItemClipError):
        found = found.__cause__ or found.__context__
    if found is None:
        traceback.print_exception(kind, error, where)
    else:
        print(f"Error: {found}", file=sys.stderr)
