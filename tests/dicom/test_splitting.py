"""Several single-frame images at one position: time points, b-values, echoes, phases, parts of a complex image."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread

from itemclip_med.dicom import convert, discover_folder, load_series
from tests.dicom.making import write_series

STUDY, SERIES = "1.2.3", "1.2.3.4"


def write_volumes(folder, parts, *, num=4, order="volumes", **changes):
    """Volume n of ``parts`` holds 1000 * (n + 1) + k in slice k; InstanceNumber counts through volumes or positions."""
    for n, part in enumerate(parts):

        def each(k, n=n, part=part):
            number = n * num + k if order == "volumes" else k * len(parts) + n
            values = {"InstanceNumber": number + 1, "PixelData": np.full((8, 6), 1000 * (n + 1) + k, "<u2").tobytes()}
            return values | (part(k) if callable(part) else part)

        write_series(
            folder / f"{n}",
            num=num,
            study_uid=STUDY,
            series_uid=SERIES,
            modality="MR",
            intercept=0,
            each=each,
            **changes,
        )


def found_in(folder):
    (study,) = discover_folder(folder).studies
    return study.volumes


def check(folder, num_parts):
    found = found_in(folder)
    values = sorted(load_series(series).array[0, 0].tolist() for series in found)
    assert values == [[1000 * (n + 1) + k for k in range(4)] for n in range(num_parts)]
    return found


@pytest.mark.parametrize(
    ("parts", "label"),
    [
        ([{"TemporalPositionIdentifier": n + 1} for n in range(3)], "time 1"),
        ([{"EchoTime": "4.92"}, {"EchoTime": "7.38"}], "echo 4.92 ms"),
        ([{"DiffusionBValue": 0.0}, {"DiffusionBValue": 1000.0}], "b 0"),
        (
            [{"DiffusionGradientOrientation": [1.0, 0.0, 0.0]}, {"DiffusionGradientOrientation": [0.0, 1, 0]}],
            "direction 1",
        ),
        ([{"TriggerTime": "0"}, {"TriggerTime": "62.5"}], "trigger 0 ms"),
        ([{"NominalPercentageOfCardiacPhase": 30.0}, {"NominalPercentageOfCardiacPhase": 70.0}], "phase 30 %"),
        ([{"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}], "acquisition 1"),
        ([{"ImageType": ["ORIGINAL", "PRIMARY", part, "ND"]} for part in "IMPR"], "imaginary"),
        ([{"ContrastBolusAgent": ""}, {"ContrastBolusAgent": "Gd Doe^Jane"}], "contrast 1"),
        ([{"AcquisitionTime": "101010"}, {"AcquisitionTime": "101112"}], "time 1"),
    ],
)
def test_what_varies_tells_volumes_apart(tmp_path, parts, label):
    write_volumes(tmp_path, parts)
    labels = [series.label for series in check(tmp_path, len(parts))]
    assert label in labels and not any("Doe" in text for text in labels)


def test_two_attributes_that_vary_together_are_split_one_after_the_other(tmp_path):
    parts = [{"EchoTime": e, "TemporalPositionIdentifier": t} for e in ("5", "9") for t in (1, 2)]
    write_volumes(tmp_path, parts)
    assert {series.label for series in check(tmp_path, 4)} == {f"echo {e} ms, time {t}" for e in (5, 9) for t in (1, 2)}


@pytest.mark.parametrize("order", ["volumes", "positions"])
def test_the_order_of_instance_numbers_is_the_last_resort_and_said(tmp_path, order):
    write_volumes(tmp_path, [{}, {}, {}], order=order)
    found = check(tmp_path, 3)
    assert "volumes told apart by the order of InstanceNumber" in load_series(found[0]).warnings


def test_times_of_their_own_in_every_slice_are_ordered_at_each_position(tmp_path):
    write_volumes(tmp_path, [lambda k, n=n: {"TriggerTime": f"{100 * n + 7 * k}"} for n in range(3)], num=4)
    check(tmp_path, 3)


def test_directions_in_private_elements_are_found_by_their_creator(tmp_path):
    write_volumes(tmp_path, [{}, {}, {}], without=["InstanceNumber"])
    for n, values in enumerate([(0.0, None), (1000.0, (1, 0, 0)), (1000.0, (0, 1, 0))]):
        for path in (tmp_path / f"{n}").iterdir():
            dataset = dcmread(path)
            for _ in range(2 if n == 1 else 1):  # the block has moved in one volume
                block = dataset.private_block(0x0019, "SIEMENS MR HEADER" if _ == (n == 1) else "OTHER", create=True)
            block.add_new(0x0C, "IS", str(int(values[0])))
            if values[1]:
                block.add_new(0x0E, "FD", [float(v) for v in values[1]])
            dataset.save_as(path)
    labels = [series.label for series in check(tmp_path, 3)]
    assert sorted(labels) == ["b 0", "b 1000, direction 1", "b 1000, direction 2"]


def test_images_that_nothing_tells_apart_are_refused(tmp_path):
    write_volumes(tmp_path, [{}, {}], without=["InstanceNumber"])
    assert discover_folder(tmp_path).skipped == {"several images at one position that nothing tells apart": 8}


def test_a_volume_that_was_cut_short_does_not_spoil_the_others(tmp_path):
    write_volumes(tmp_path, [{"TemporalPositionIdentifier": n + 1} for n in range(4)])
    for path in sorted((tmp_path / "3").iterdir(), key=lambda path: dcmread(path).InstanceNumber)[1:]:
        path.unlink()
    found = found_in(tmp_path)
    assert [series.shape[2] for series in found] == [4, 4, 4]
    assert discover_folder(tmp_path).skipped == {"too few slices for a volume (fewer than 3)": 1}


def test_complementary_positions_are_one_volume_whatever_varies(tmp_path):
    write_series(
        tmp_path,
        num=6,
        each=lambda k: {
            "AcquisitionNumber": k // 3,
            "Exposure": 100 + k,
            "KVP": 100 + k,
            "AcquisitionTime": f"10101{k}",
        },
    )
    assert [series.shape for series in found_in(tmp_path)] == [(6, 8, 6)]


def test_volumes_share_an_entry_of_the_inventory(tmp_path):
    write_volumes(tmp_path / "in", [{"EchoTime": "5"}, {"EchoTime": "9"}])
    (entry,) = convert(tmp_path / "in", tmp_path / "out")["series"]
    assert len(entry["output"]) == 2 and entry["num_files"] == 8 and entry["volumes"] == ["echo 5 ms", "echo 9 ms"]
