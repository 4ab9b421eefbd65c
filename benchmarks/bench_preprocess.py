"""From DICOM to what training reads, on four roads: ``python benchmarks/bench_preprocess.py [--quick] [--json]``.

ours
    ``itemclip-med preprocess dicom`` with a head CT recipe: read, check, orient, average to about 0.9 x 0.9 x 1.25 mm,
    compressed int16 store.
published
    the road of the published preparation: dcm2niix to .nii.gz, SimpleITK, trilinear to the same grid, ``torch.save``
    in float32.
dicom2nifti
    that package alone, to .nii.gz.
dcm2niix
    that program alone, to uncompressed NIfTI: the fastest thing there is.

All read the same studies (one series of 512 x 512, made here, or ``--source``: one study a folder) with the same number
of processes, each road in a process of its own. Starting Python and loading libraries is a column of its own and not in
the other numbers: with one process a study is done before the measured ones, with more the numbers are differences
between a long and a short run. Processor time stands up to other work on the machine, elapsed time does not. Needs
``pip install dcm2niix dicom2nifti``; a road whose package is missing is left out by name. Takes about five minutes on
two cores.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measuring import MIB, peak, resident, row, start

SPACING_MM = (0.9, 0.9, 1.25)
ROADS = ("ours", "published", "dicom2nifti", "dcm2niix")
NEEDS = {"published": ("dcm2niix",), "dicom2nifti": ("dicom2nifti",), "dcm2niix": ("dcm2niix",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two and four studies, one process; ends within a minute")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--source", type=Path, help="folder with one study of one series a folder, instead of phantoms")
    parser.add_argument("--workers", type=int, nargs="*", help="numbers of processes (default: 1 2)")
    parser.add_argument("--growth", action="store_true", help="also 10, 100 and 1,000 small studies on our road")
    parser.add_argument("--run", help=argparse.SUPPRESS)  # what a started process does: a task as JSON
    options = parser.parse_args()
    if options.run:
        print(json.dumps(run_task(**json.loads(options.run))))
        return
    workers = options.workers or ([1] if options.quick else [1, 2])
    few, many = (2, 4) if options.quick else (2, 10)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = options.source
        if source is None:
            source = Path(folder, "studies")
            make_studies(source, many)
        studies = sorted(str(path) for path in source.iterdir() if path.is_dir())
        few, many = min(few, max(len(studies) // 2, 1)), min(many, len(studies))
        if few == many:
            parser.error(f"{source} holds {len(studies)} study folders, expected at least 2.")
        if not options.json:
            print(f"{many} studies of {count_files(studies[:many]) / many:.0f} files\n")
        for number in workers:
            rows += compare(studies, few, many, number, Path(folder), show=not options.json)
        found = start(__file__, task="alone", road="ours", studies=studies[:3], workers=1, folder=folder)
        rows += [
            row("decoding alone, of our processor time", found["decode_share"], "", "ours", found["decode_share"]),
            row("peak memory of a worker above its start", found["mib"], "MiB", "a volume in int16", found["volumes"]),
        ]
        if not options.json:
            print(
                f"\ndecoding alone (pydicom, {found['decode_s']:.2f} s a study) is {found['decode_share']:.0%} of our "
                f"processor time; a worker's peak lies {found['mib']:.0f} MiB above its start, {found['volumes']:.1f} "
                "volumes in int16"
            )
        if options.growth:
            rows += grow(Path(folder), workers, show=not options.json)
    if options.json:
        print(json.dumps(rows, indent=1))


def compare(studies: list[str], few: int, many: int, workers: int, folder: Path, *, show: bool) -> list[dict]:
    """All roads with one number of processes."""
    rows: list[dict] = []
    ours: dict[str, float] = {}
    if show:
        print(
            f"{workers} process{'es' * (workers > 1)}{'studies/min':>15s}{'cpu s/study':>14s}{'MiB/study':>12s}"
            f"{'start':>9s}{'of ours: time':>16s}{'cpu':>10s}{'bytes':>9s}"
        )
    for road in ROADS:
        missing = [name for name in NEEDS.get(road, ()) if importlib.util.find_spec(name) is None]
        if missing:
            if show:
                print(f"{road:14s} left out: pip install {' '.join(missing)}")
            continue
        each = measure_road(road, studies, few, many, workers, folder)
        ours = ours or each
        ratios = {name: each[name] / ours[name] for name in ("s", "cpu_s", "mib")}
        rows += [
            row(f"{road}, {workers} processes: {name}", each[name], unit, "ours", ratios[name])
            for name, unit in (("s", "s/study"), ("cpu_s", "s/study"), ("mib", "MiB/study"))
        ]
        if show:
            print(
                f"{road:14s}{60 / max(each['s'], 1e-3):12.0f}{each['cpu_s']:14.2f}{each['mib']:12.1f}"
                f"{each['start_s']:8.1f} s"
                f"{ratios['s']:12.1f} x  {ratios['cpu_s']:6.1f} x{ratios['mib']:6.1f} x",
                flush=True,
            )
    return rows


def measure_road(road: str, studies: list[str], few: int, many: int, workers: int, folder: Path) -> dict[str, float]:
    """Seconds, processor seconds and MiB of one study on one road, and the seconds of its start."""

    def run(number: int) -> dict[str, float]:
        return start(__file__, task="run", road=road, studies=studies[:number], workers=workers, folder=str(folder))

    if workers == 1:
        found = run(many)
        each = {name: found[name] / many for name in ("s", "cpu_s", "mib")}
        return each | {"start_s": max(found["first_s"] - each["s"], 0.0)}
    run(1)  # warms up what is read from disk
    short, long = run(few), run(many)
    each = {name: (long[name] - short[name]) / (many - few) for name in ("s", "cpu_s", "mib")}
    return each | {"start_s": max(short["s"] - few * each["s"], 0.0)}


def run_task(task: str, road: str, studies: list[str], workers: int, folder: str) -> dict[str, float]:
    """Inside a started process: one road over some studies, or what our road does beside decoding."""
    if task == "alone":
        return measure_alone(studies)
    first = run_road(road, studies[:1], workers, folder) if workers == 1 else {"s": 0.0}
    return run_road(road, studies, workers, folder) | {"first_s": first["s"]}


def run_road(road: str, studies: list[str], workers: int, folder: str) -> dict[str, float]:
    """Seconds, processor seconds and MiB of one road over some studies."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        if road == "ours":  # it takes one folder; links are no part of the work
            for number, study in enumerate(studies):
                shutil.copytree(study, Path(out, "source", str(number)), copy_function=_link)
        started, used = time.perf_counter(), processor_seconds()
        RUN[road]([Path(study) for study in studies], Path(out), workers)
        seconds, used = time.perf_counter() - started, processor_seconds() - used
        size = sum(path.stat().st_size for path in Path(out).rglob("*") if path.suffix in SUFFIXES[road])
    return {"s": seconds, "cpu_s": used, "mib": size / MIB}


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def run_ours(studies: list[Path], out: Path, workers: int) -> None:
    from itemclip_med.preprocess import run_recipe

    source = out / "source"
    summary = run_recipe("head_ct", source, out / "store", workers=workers, show_progress=False)
    if summary.num_stored != len(studies):
        raise SystemExit(f"ours: {summary.num_stored} of {len(studies)} studies stored: {dict(summary.failures)}")


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(Path(source).absolute())


def run_published(studies: list[Path], out: Path, workers: int) -> None:
    _in_processes(_publish, studies, out, workers)


def _publish(study: Path, out: Path) -> None:
    import numpy as np
    import SimpleITK as sitk
    import torch

    _dcm2niix(study, out, compress=True)
    for path in out.glob("*.nii.gz"):
        image = sitk.ReadImage(str(path))
        values = torch.from_numpy(sitk.GetArrayFromImage(image).astype(np.float32))[None, None]
        wanted = [max(own, least) for own, least in zip(image.GetSpacing(), SPACING_MM, strict=True)][::-1]
        shape = [
            max(round(size * own / new), 1)
            for size, own, new in zip(values.shape[2:], image.GetSpacing()[::-1], wanted, strict=True)
        ]
        values = torch.nn.functional.interpolate(values, size=shape, mode="trilinear", align_corners=False)
        torch.save(values[0].clone(), path.with_name(path.name.replace(".nii.gz", ".pt")))


def run_dicom2nifti(studies: list[Path], out: Path, workers: int) -> None:
    _in_processes(_dicom2nifti, studies, out, workers)


def _dicom2nifti(study: Path, out: Path) -> None:
    import dicom2nifti

    dicom2nifti.convert_directory(str(study), str(out), compression=True, reorient=True)


def run_dcm2niix(studies: list[Path], out: Path, workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        targets = [_new_folder(out, number) for number in range(len(studies))]
        list(pool.map(lambda pair: _dcm2niix(*pair, compress=False), zip(studies, targets, strict=True)))


def _dcm2niix(study: Path, out: Path, *, compress: bool) -> None:
    import dcm2niix

    command = [dcm2niix.bin, "-z", "y" if compress else "n", "-b", "n", "-f", "%s", "-o", str(out), str(study)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _in_processes(function: Callable[[Path, Path], None], studies: list[Path], out: Path, workers: int) -> None:
    from itemclip_med.workers import one_thread, worker_pool

    if workers == 1:
        with one_thread():
            for number, study in enumerate(studies):
                function(study, _new_folder(out, number))
        return
    with worker_pool(workers) as pool:
        jobs = [pool.submit(function, study, _new_folder(out, number)) for number, study in enumerate(studies)]
        for job in jobs:
            job.result()


def _new_folder(out: Path, number: int) -> Path:
    folder = out / f"out{number}"
    folder.mkdir()
    return folder


RUN = {"ours": run_ours, "published": run_published, "dicom2nifti": run_dicom2nifti, "dcm2niix": run_dcm2niix}
SUFFIXES = {"ours": (".b2nd",), "published": (".pt",), "dicom2nifti": (".gz",), "dcm2niix": (".nii",)}


def measure_alone(studies: list[str]) -> dict[str, float]:
    """Decoding beside all that we do, and the peak of a worker, in this process."""
    import numpy as np
    import pydicom

    from itemclip_med.dicom import scan_source
    from itemclip_med.preprocess import load_recipe
    from itemclip_med.preprocess.study_ids import IdMaker
    from itemclip_med.preprocess.study_worker import StudyWorker
    from itemclip_med.workers import one_thread

    one_thread()
    recipe = load_recipe("head_ct")
    with tempfile.TemporaryDirectory() as out:
        worker = StudyWorker(dict(recipe.values), recipe.name, IdMaker(recipe.study_id, False, b"0" * 32), Path(out))
        files = [scan_source(Path(study)).studies[0] for study in studies]
        worker(files[0])  # loads what is loaded on first use
        before = resident()
        begun = time.process_time()
        for each in files[1:]:
            worker(each)
        ours_s = (time.process_time() - begun) / (len(files) - 1)
        mib = (peak() - before) / MIB
    begun = time.process_time()
    voxels = [sum(pydicom.dcmread(path).pixel_array.size for path in each.files) for each in files[1:]]
    decode_s = (time.process_time() - begun) / len(voxels)
    volume_mib = max(voxels) * np.dtype(np.int16).itemsize / MIB
    return {"decode_s": decode_s, "decode_share": decode_s / ours_s, "mib": mib, "volumes": mib / volume_mib}


def grow(folder: Path, workers: list[int], *, show: bool) -> list[dict]:
    """Our road over 10, 100 and 1,000 demo-sized studies, start included."""
    rows = []
    make_studies(folder / "many", 1000, size="demo")
    studies = sorted(str(path) for path in (folder / "many").iterdir())
    for num in (10, 100, 1000):
        for number in workers:
            found = start(__file__, task="run", road="ours", studies=studies[:num], workers=number, folder=str(folder))
            name = f"{num} demo studies, {number} process{'es' * (number > 1)}"
            rows += [
                row(f"{name}: rate", 60 * num / found["s"], "studies/min"),
                row(f"{name}: processor time", found["cpu_s"], "s"),
            ]
            if show:
                print(
                    f"{name:34s}{60 * num / found['s']:8.0f} studies/min, {found['cpu_s']:6.1f} s of processor time, "
                    f"{found['cpu_s'] / num:.3f} a study",
                    flush=True,
                )
    return rows


def make_studies(folder: Path, num: int, size: str = "clinical") -> None:
    """Write ``num`` studies of one thin head CT series each: two phantoms, under uids of their own."""
    from itemclip_med.phantoms.dicom_writing import SeriesWriter, make_uid
    from itemclip_med.phantoms.head_ct import make_head_ct

    volumes = [make_head_ct(7, index, size=size).reconstruct("thin") for index in range(min(num, 2))]
    for number in range(num):
        series = volumes[number % len(volumes)]
        elements = {
            "PatientID": f"bench{number}",
            "Modality": "CT",
            "Manufacturer": "itemclip_med",
            "StudyInstanceUID": make_uid("bench", number),
            "FrameOfReferenceUID": make_uid("bench", number, "frame"),
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "SeriesNumber": "1",
            "ConvolutionKernel": "STANDARD",
            "SliceThickness": f"{series.slice_thickness_mm:g}",
        }
        writer = SeriesWriter(elements, ("bench", number, "thin"))
        writer.write_volume(folder / f"study{number:03d}", series.volume_hu, series.affine, head_first=False)


def count_files(studies: list[str]) -> int:
    return sum(1 for study in studies for path in Path(study).rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
