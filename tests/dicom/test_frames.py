"""Enhanced multi-frame objects: every frame a slice, several volumes in one object, several objects in one series."""

from __future__ import annotations

import shutil

import pytest

from itemclip_med.dicom import convert, discover_folder, load_series
from itemclip_med.errors import PixelError
from tests.dicom.making import ENHANCED_CT, write_enhanced


def stack(num=4, spacing_mm=5.0, **values):
    return [{"position": (-20, -30, 40 + spacing_mm * k), **values} for k in range(num)]


def volumes(folder):
    (study,) = discover_folder(folder).studies
    return study.volumes


def at_first_voxel(folder):
    return [load_series(series).array[0, 0].tolist() for series in volumes(folder)]


def accounted(inventory):
    return inventory.files_found == inventory.files_used + sum(inventory.skipped.values())


@pytest.mark.parametrize("sop_class", [ENHANCED_CT, "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"])
def test_frames_in_any_order_are_sorted_by_position(tmp_path, sop_class):
    frames = stack()
    write_enhanced(tmp_path / "a", [frames[k] | {"value": 100 + k} for k in (2, 0, 3, 1)], sop_class=sop_class)
    (series,) = volumes(tmp_path)
    volume = load_series(series)
    assert volume.array[0, 0].tolist() == [100, 101, 102, 103]
    assert volume.affine @ [0, 0, 0, 1] == pytest.approx([20, 30, 40, 1])
    assert volume.spacing_mm == pytest.approx((3, 2, 5))


def test_groups_of_a_frame_come_before_shared_ones_and_the_top_level_is_never_asked(tmp_path):
    shared = {"spacing": (1.0, 1.5), "scale": (2, 0)}
    frames = [frame | {"scale": (1, 10 * k)} for k, frame in enumerate(stack())]
    write_enhanced(tmp_path / "a", frames, shared=shared)
    (series,) = volumes(tmp_path)
    volume = load_series(series)
    assert volume.array[0, 0].tolist() == [100 + k + 10 * k for k in range(4)]
    assert volume.spacing_mm == pytest.approx((1.5, 1, 5))


def test_without_a_scale_values_are_as_stored(tmp_path):
    write_enhanced(tmp_path / "a", stack())
    assert at_first_voxel(tmp_path) == [[100, 101, 102, 103]]


def test_slopes_that_differ_by_frame_are_applied_by_frame(tmp_path):
    write_enhanced(tmp_path / "a", [frame | {"scale": (0.5 * (k + 1), k)} for k, frame in enumerate(stack())])
    assert at_first_voxel(tmp_path) == [pytest.approx([(100 + k) * 0.5 * (k + 1) + k for k in range(4)])]


@pytest.mark.parametrize(
    ("parts", "labels"),
    [
        ([{"time": 1}, {"time": 2}, {"time": 3}], ["time 1", "time 2", "time 3"]),
        ([{"echo": 4.5}, {"echo": 9}], ["echo 4.5 ms", "echo 9 ms"]),
        (
            [{"b": 0}, {"b": 1000, "direction": (1, 0, 0)}, {"b": 1000, "direction": (0, 1, 0)}],
            ["b 0", "b 1000, direction 1", "b 1000, direction 2"],
        ),
        (
            [{"type": ("ORIGINAL", "PRIMARY", "M", "NONE")}, {"type": ("ORIGINAL", "PRIMARY", "P", "NONE")}],
            ["magnitude", "phase"],
        ),
        ([{"index": [1, 1]}, {"index": [1, 2]}], ["dimension 2: 1", "dimension 2: 2"]),
        ([{"time": t, "echo": e} for t in (1, 2) for e in (5, 9)], None),
    ],
)
def test_several_volumes_in_one_object_are_split(tmp_path, parts, labels):
    frames = [frame | part | {"value": 100 * n + k} for k, frame in enumerate(stack()) for n, part in enumerate(parts)]
    write_enhanced(tmp_path / "a", frames)
    found = volumes(tmp_path)
    assert sorted(load_series(series).array[0, 0].tolist() for series in found) == [
        [100 * n + k for k in range(4)] for n in range(len(parts))
    ]
    if labels:
        assert sorted(series.label for series in found) == labels
    inventory = discover_folder(tmp_path)
    assert (inventory.files_found, inventory.files_used) == (1, 1)


def test_stacks_and_orientations_of_one_object_are_volumes_of_their_own(tmp_path):
    sagittal = {"orientation": (0, 1, 0, 0, 0, -1)}
    frames = stack(3, stack="1") + stack(3, stack="2", value=200)
    for k, frame in enumerate(frames[3:]):
        frame["position"] = (-20, -30, 400 + 5 * k)
    frames += [{"position": (5 * k, 0, 0), "stack": "3", "value": 300, **sagittal} for k in range(3)]
    write_enhanced(tmp_path / "a", frames)
    found = volumes(tmp_path)
    assert [series.shape for series in found] == [(6, 8, 3)] * 3
    assert [series.plane for series in found] == ["axial", "axial", "sagittal"]


def test_a_wrong_stack_id_does_not_tear_a_volume_apart(tmp_path):
    write_enhanced(tmp_path / "a", [frame | {"stack": str(k)} for k, frame in enumerate(stack())])
    assert [series.shape for series in volumes(tmp_path)] == [(6, 8, 4)]


def test_time_points_as_objects_of_one_series_are_one_volume_each(tmp_path):
    for n in range(3):
        write_enhanced(tmp_path / f"{n}", stack(value=100 * (n + 1)))
    assert sorted(values[0] for values in at_first_voxel(tmp_path)) == [100, 200, 300]
    inventory = discover_folder(tmp_path)
    assert (inventory.files_found, inventory.files_used) == (3, 3)


def test_one_volume_over_several_objects_is_put_together(tmp_path):
    frames = stack(7)
    for name, part in (("a", frames[:4]), ("b", frames[4:6]), ("c", frames[6:])):
        write_enhanced(tmp_path / name, part)
    assert [series.shape for series in volumes(tmp_path)] == [(6, 8, 7)]


def test_an_object_that_was_sent_twice_is_a_duplicate(tmp_path):
    path = write_enhanced(tmp_path / "a", stack())
    shutil.copy(path, tmp_path / "b")
    inventory = discover_folder(tmp_path)
    assert inventory.skipped == {"duplicate": 1}
    assert accounted(inventory)


def test_padding_of_frames_becomes_air(tmp_path):
    write_enhanced(tmp_path / "a", stack(scale=(1, -1000)), sop_class=ENHANCED_CT, PixelPaddingValue=100)
    (series,) = volumes(tmp_path)
    assert load_series(series, padding="air").array[0, 0].tolist() == [-1024, -899, -898, -897]


def test_volumes_that_nothing_tells_apart_are_refused(tmp_path):
    write_enhanced(tmp_path / "a", stack() + stack())
    inventory = discover_folder(tmp_path)
    assert inventory.skipped == {"several images at one position that nothing tells apart": 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"PerFrameFunctionalGroupsSequence": [], "SharedFunctionalGroupsSequence": []}, "without functional groups"),
        ({"NumberOfFrames": 3}, "differ in number"),
        ({"NumberOfFrames": 2**31 - 1}, "truncated"),
        ({"Rows": 65535, "Columns": 65535}, "pixels in one slice"),
        ({"PixelData": b"\0" * 100}, "truncated"),
    ],
)
def test_a_damaged_object_is_reported(tmp_path, changes, reason):
    write_enhanced(tmp_path / "a", stack(), **changes)
    inventory = discover_folder(tmp_path)
    assert not inventory.studies[0].volumes
    assert reason in next(iter(inventory.skipped))
    assert accounted(inventory)


def test_an_object_without_pixels_is_reported(tmp_path):
    from pydicom import dcmread

    dataset = dcmread(write_enhanced(tmp_path / "a", stack()))
    del dataset.PixelData
    dataset.save_as(tmp_path / "a")
    assert discover_folder(tmp_path).skipped == {"no pixel data": 1}


def test_a_file_that_shrinks_after_it_was_found_is_an_error(tmp_path):
    path = write_enhanced(tmp_path / "a", stack())
    (series,) = volumes(tmp_path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(PixelError, match=r"Slice 4 of 4: the pixel data end after \d+ of 96 bytes"):
        load_series(series)


def test_each_frame_is_read_once_and_by_itself(tmp_path, monkeypatch):
    from itemclip_med.dicom.pixel_source import PixelSource

    write_enhanced(tmp_path / "a", stack(time=1) + stack(time=2))
    read = []
    true = PixelSource.read_frame_into
    monkeypatch.setattr(
        PixelSource, "read_frame_into", lambda self, index, out: (read.append(index), true(self, index, out))[1]
    )
    for series in volumes(tmp_path):
        load_series(series)
    assert sorted(read) == list(range(8))


def test_frames_of_a_compressed_object_lie_in_one_or_many_fragments(tmp_path):
    from pydicom import dcmread
    from pydicom.encaps import encapsulate, generate_frames
    from pydicom.uid import RLELossless

    dataset = dcmread(write_enhanced(tmp_path / "x" / "a", stack()))
    dataset.compress(RLELossless)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=4))
    for name, fragments, has_table in (("one", 1, False), ("many", 2, True)):
        dataset.PixelData = encapsulate(frames, fragments_per_frame=fragments, has_bot=has_table)
        (tmp_path / name).mkdir()
        dataset.save_as(tmp_path / name / "a")
        assert at_first_voxel(tmp_path / name) == [[100, 101, 102, 103]]


def test_the_inventory_lists_the_volumes_of_a_series_in_one_entry(tmp_path):
    write_enhanced(tmp_path / "in" / "a", stack(time=1) + stack(time=2, value=7))
    book = convert(tmp_path / "in", tmp_path / "out")
    (entry,) = book["series"]
    assert len(entry["output"]) == 2 and entry["volumes"] == ["time 1", "time 2"] and entry["num_files"] == 1
    assert all((tmp_path / "out" / name).is_file() for name in entry["output"])
    assert book["files_found"] == book["files_used"] == 1
