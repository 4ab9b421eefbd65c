"""The same numbers within each source and each scanner, since a mean may hide that a model fails at one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from itemclip_med.zeroshot import metrics
from itemclip_med.zeroshot.matching import UNKNOWN, Matched


def group_numbers(names: Sequence[str], matched: Matched, groups: Sequence[str]) -> dict[str, Any]:
    """AUC of each finding within each group.

    Args:
        names: F findings.
        matched: scores and labels of B studies.
        groups: B names.

    Returns:
        ``{group: {num_studies, num_patients, auc (mean over what is defined), num_findings, findings: {name:
        {num_positive, num_negative, auc}}}}``; empty where every group is unknown.
    """
    if not set(groups) - {UNKNOWN}:
        return {}
    members = np.asarray(groups)
    found: dict[str, Any] = {}
    for group in sorted(set(groups)):
        rows = np.flatnonzero(members == group)
        scores, labels = matched.scores[rows], matched.labels[rows]
        findings = {
            name: {
                "num_positive": int((labels[:, column] == 1).sum()),
                "num_negative": int((labels[:, column] == 0).sum()),
                "auc": metrics.auc(scores[:, column], labels[:, column]),
            }
            for column, name in enumerate(names)
        }
        defined = [numbers["auc"] for numbers in findings.values() if numbers["auc"] is not None]
        found[group] = {
            "num_studies": len(rows),
            "num_patients": len({matched.patients[row] for row in rows}),
            "auc": float(np.mean(defined)) if defined else None,
            "num_findings": len(defined),
            "findings": findings,
        }
    return found
