"""Archives as a source and inside one: opened with guards, their files accounted for."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zipfile

import pytest

from itemclip_med.dicom import archives, convert, discover, discover_folder, scan_source
from itemclip_med.errors import SourceError
from tests.dicom.making import write_series


def zip_of(folder, target):
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return target


def tar_of(folder, target, mode="w"):
    with tarfile.open(target, mode) as archive:
        archive.add(folder, arcname=".")
    return target


def accounted(inventory):
    return inventory.files_found == inventory.files_used + sum(inventory.skipped.values())


@pytest.fixture
def slices(tmp_path):
    folder = tmp_path / "slices"
    write_series(folder, num=4)
    return folder


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tgz", "gz", "zip in zip"])
def test_files_in_an_archive_inside_the_source_count_and_the_archive_does_not(tmp_path, slices, kind):
    source = tmp_path / "source"
    source.mkdir()
    (source / "notes.txt").write_text("text")
    if kind == "zip":
        zip_of(slices, source / "export.zip")
    elif kind == "tar":
        tar_of(slices, source / "export")
    elif kind in ("tar.gz", "tgz"):
        tar_of(slices, source / f"export.{kind}", "w:gz")
    elif kind == "gz":
        for path in slices.iterdir():
            (source / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    else:
        inner = tmp_path / "inner"
        inner.mkdir()
        zip_of(slices, inner / "inner.zip")
        zip_of(inner, source / "export.zip")
    inventory = discover_folder(source)
    assert (inventory.files_found, inventory.files_used, inventory.skipped) == (5, 4, {"not DICOM": 1})
    book = convert(source, tmp_path / "out")
    assert book["series"][0]["shape"] == [6, 8, 4]


def test_what_was_unpacked_is_gone_with_the_inventory(tmp_path, slices):
    source = tmp_path / "source"
    source.mkdir()
    zip_of(slices, source / "export.zip")
    inventory = discover_folder(source)
    unpacked = inventory.scan.unpacked
    assert unpacked.is_dir()
    del inventory
    assert not unpacked.exists()


def test_names_and_digest_of_files_in_an_archive_stay_the_same(tmp_path, slices):
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    zip_of(slices.parent / "slices", source / "a" / "STUDY 7.zip")
    one, two = (scan_source(source).studies[0] for _ in range(2))
    assert one.digest == two.digest
    assert one.relative_dir == "a/STUDY 7"


def test_a_source_that_is_an_archive_has_the_same_digest_again(tmp_path, slices):
    from itemclip_med.dicom import open_source

    archive = zip_of(slices, tmp_path / "export.zip")
    digests = []
    for _ in range(2):
        with open_source(archive) as root:
            digests.append(scan_source(root).studies[0].digest)
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside", "..\\outside", "C:\\outside"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_path_that_leaves_the_archive_is_refused(tmp_path, slices, name, kind):
    source = tmp_path / "source"
    shutil.copytree(slices, source)
    if kind == "zip":
        with zipfile.ZipFile(source / "bad.zip", "w") as archive:
            archive.writestr(name, b"x")
    else:
        with tarfile.open(source / "bad.tar", "w") as archive:
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    inventory = discover_folder(source)
    assert inventory.skipped == {"archive not opened: it holds a path that leaves it": 1}
    assert inventory.files_used == 4
    with pytest.raises(SourceError, match="leaves it"):
        discover(source / f"bad.{kind}")
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("kind", ["zip", "gz", "tar.gz"])
def test_a_bomb_is_refused(tmp_path, slices, kind, monkeypatch):
    monkeypatch.setattr(archives, "_RATIO_FROM_BYTES", 2**20)
    source = tmp_path / "source"
    shutil.copytree(slices, source)
    zeros = tmp_path / "zeros"
    zeros.mkdir()
    (zeros / "zeros").write_bytes(b"\0" * (2**20 * 4))
    if kind == "zip":
        with zipfile.ZipFile(source / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(zeros / "zeros", "zeros")
    elif kind == "gz":
        (source / "bomb.gz").write_bytes(gzip.compress((zeros / "zeros").read_bytes()))
    else:
        tar_of(zeros, source / "bomb.tar.gz", "w:gz")
    inventory = discover_folder(source)
    assert inventory.skipped == {"archive not opened: it unpacks to too much": 1}
    assert accounted(inventory)


def test_more_than_may_be_unpacked_is_refused(tmp_path, slices):
    with pytest.raises(archives.ArchiveRefused, match="too much"):
        folder = tmp_path / "out"
        folder.mkdir()
        archives.unpack(zip_of(slices, tmp_path / "a.zip"), "zip", folder, archives.Budget(bytes=100))
    with pytest.raises(archives.ArchiveRefused, match="too many"):
        folder.mkdir()
        archives.unpack(tmp_path / "a.zip", "zip", folder, archives.Budget(members=2))


def test_archives_in_archives_are_opened_three_deep(tmp_path, slices):
    inner = zip_of(slices, tmp_path / "0.zip")
    for depth in range(1, 4):
        with zipfile.ZipFile(tmp_path / f"{depth}.zip", "w") as archive:
            archive.write(inner, inner.name)
        inner = tmp_path / f"{depth}.zip"
    source = tmp_path / "source"
    shutil.copytree(slices, source)
    shutil.copy(inner, source / "deep.zip")
    assert discover_folder(source).skipped == {"archive not opened: it lies in 3 others": 1}


def test_damaged_and_encrypted_archives_are_reported(tmp_path, slices):
    source = tmp_path / "source"
    shutil.copytree(slices, source)
    whole = zip_of(slices, tmp_path / "a.zip").read_bytes()
    (source / "cut.zip").write_bytes(whole[: len(whole) // 2])
    locked = bytearray(whole)
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := locked.find(magic, at + 1)) >= 0:
            locked[at + place] |= 1
    (source / "locked.zip").write_bytes(locked)
    assert discover_folder(source).skipped == {
        "archive not opened: it is damaged or in a form that is not read": 1,
        "archive not opened: it is encrypted": 1,
    }


def test_links_in_an_archive_are_counted_and_two_members_of_one_name_both_kept(tmp_path, slices):
    source = tmp_path / "source"
    source.mkdir()
    with tarfile.open(source / "a.tar", "w") as archive:
        for path in slices.iterdir():
            archive.add(path, arcname="same")
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    inventory = discover_folder(source)
    assert (inventory.files_found, inventory.files_used) == (5, 4)
    assert inventory.skipped == {"link in an archive": 1}
