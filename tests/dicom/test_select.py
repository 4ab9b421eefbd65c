"""Which series of a study comes first is what the recipe says."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.dicom import discover_folder, inspect, select_series
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


def test_inspection_says_which_series_a_recipe_would_store_and_why_not_the_others(tmp_path):
    write(tmp_path, "thick", num=12, spacing_mm=5.0, ConvolutionKernel="H30s")
    write(tmp_path, "thinner", num=12, spacing_mm=2.0, ConvolutionKernel="H30s")
    write(tmp_path, "few", num=5, ConvolutionKernel="H30s")
    write(tmp_path, "reformats", num=12, ImageType=["DERIVED", "SECONDARY", "MPR"])
    done = CliRunner().invoke(main, ["preprocess", "inspect", str(tmp_path), "--recipe", "head_ct"])
    assert done.exit_code == 0, done.output
    verdicts = {
        "every 2.00 mm": "stored: number 1 of 2 by soft_tissue, thin",
        "6 x 8 x 5 ": "fewer than 8 slices",
        "every 5.00 mm": "stored: number 2 of 2 by soft_tissue, thin",
    }
    for mark, verdict in verdicts.items():
        assert any(mark in line and line.endswith(verdict) for line in done.output.splitlines()), done.output
    assert "derived image" in done.output


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        ({"max_series": 1}, ["stored: number 1 of 3 by thin", "not stored: number 2 of 3 by thin, at most 1 are"]),
        (
            {"max_series": 2, "max_per_name": 1},
            ["stored: number 1 of 3 by thin", "not stored: more than 1 series of one name", "stored: number 3 of 3"],
        ),
    ],
)
def test_inspection_knows_the_limits_of_a_recipe(tmp_path, limits, wanted):
    for name, spacing_mm in (("a", 1.0), ("bb", 1.1), ("ccc", 7.0)):
        write(tmp_path, name, num=6, spacing_mm=spacing_mm)
    values = inspect(tmp_path, rules={"prefer": ["thin"]}, **limits)
    rows = sorted(values["studies"][0]["series"], key=lambda row: row["slice_spacing_mm"])
    assert all(row["verdict"].startswith(text) for row, text in zip(rows, wanted, strict=False))


def test_an_unknown_recipe_is_one_line(tmp_path):
    write(tmp_path, "axial", num=6)
    done = CliRunner().invoke(main, ["preprocess", "inspect", str(tmp_path), "--recipe", "no_such"])
    assert done.exit_code != 0 and "no_such" in done.output and "Traceback" not in done.output
