"""Which series of a study comes first is what the recipe says."""

from __future__ import annotations

import pytest

from itemclip_med.dicom import discover_folder, select_series
from tests.dicom.making import write_series


def select(folder, rules):
    (study,) = discover_folder(folder).studies
    return select_series(study, rules)


def write(folder, name, **options):
    write_series(folder / name, study_uid="1.2", series_uid=f"1.2.{len(name)}", SeriesDescription=name, **options)


@pytest.mark.parametrize(
    ("prefer", "first"),
    [
        (["soft_tissue", "thin"], ("soft_tissue", 2.0)),
        (["soft_tissue", "thick"], ("soft_tissue", 5.0)),
        (["bone"], ("bone", 1.0)),
        (["thin"], ("bone", 1.0)),
    ],
)
def test_the_recipe_says_which_series_comes_first(tmp_path, prefer, first):
    write(tmp_path, "thick", num=6, spacing_mm=5.0, ConvolutionKernel="H30s")
    write(tmp_path, "thinner", num=6, spacing_mm=2.0, ConvolutionKernel="H30s")
    write(tmp_path, "bones", num=6, spacing_mm=1.0, ConvolutionKernel="H70h")
    chosen, left_out = select(tmp_path, {"prefer": prefer})
    assert (chosen[0].kernel, chosen[0].depth_spacing_mm) == first
    assert len(chosen) == 3 and not left_out


def test_derived_series_are_left_out_unless_asked_for(tmp_path):
    write(tmp_path, "axial", num=6)
    write(tmp_path, "reformat", num=9, ImageType=["DERIVED", "SECONDARY", "MPR"])
    chosen, left_out = select(tmp_path, {})
    assert [len(series.slices) for series in chosen] == [6] and left_out == {"derived image": 1}
    chosen, _ = select(tmp_path, {"keep_derived": True, "prefer": ["original"]})
    assert [len(series.slices) for series in chosen] == [6, 9]
