"""What options of several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

MAP_METHODS = ["attention", "gradient", "saliency", "occlusion"]


class Misused(click.ClickException):
    """What was named is not there, or cannot be used: exit status 2."""

    exit_code = 2


def several(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator, in this order in the help."""

    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
