"""Ids: hashed under a key, public, or raw on request."""

from __future__ import annotations

import hashlib
import hmac
import stat

import pytest

from itemclip_med.errors import SourceError
from itemclip_med.preprocess.recipe import StudyIdRule
from itemclip_med.preprocess.study_ids import IdMaker, default_key_path, load_key

KEY = bytes(range(32))
STUDY = {"uid": "1.2.3.4", "patient": "Doe^Jane", "accession": "A77", "path": "site/CQ500CT12 CQ500CT12/Unknown Study"}


def test_a_study_id_is_the_hmac_of_its_uid():
    ids = IdMaker(StudyIdRule("hashed"), key=KEY)
    assert ids.study_id(**STUDY) == hmac.new(KEY, b"1.2.3.4", hashlib.sha256).hexdigest()


def test_ids_of_studies_patients_and_objects_with_one_number_differ():
    ids = IdMaker(StudyIdRule("hashed"), key=KEY)
    found = {ids.hash("7"), ids.patient_id("7", "x"), ids.sop_uid("7")}
    assert len(found) == 3 and not any(one == "7" for one in found)
    assert ids.patient_id("", "x") is None


def test_another_key_gives_other_ids():
    one, other = (IdMaker(StudyIdRule("hashed"), key=key) for key in (KEY, KEY[::-1]))
    assert one.study_id(**STUDY) != other.study_id(**STUDY)


def test_ids_are_kept_on_request():
    ids = IdMaker(StudyIdRule("hashed"), keep_ids=True)
    assert ids.study_id(**STUDY) == "1.2.3.4" and ids.patient_id("Doe^Jane", "") == "Doe^Jane"
    assert ids.sop_uid("1.2") == "1.2"


def test_a_public_id_is_found_in_the_path_and_normalized():
    ids = IdMaker(StudyIdRule("public", "cq500", ("patient_id", "path")))
    assert ids.study_id(**STUDY) == "CQ500-CT-12"
    assert ids.patient_id("Doe^Jane", "CQ500-CT-12") == "CQ500-CT-12"


def test_places_that_name_different_studies_are_refused():
    ids = IdMaker(StudyIdRule("public", "cq500", ("patient_id", "path")))
    with pytest.raises(SourceError, match="patient_id and path name two different studies"):
        ids.study_id(**{**STUDY, "patient": "CQ500-CT-13"})


def test_no_public_id_is_refused_without_showing_what_was_there():
    ids = IdMaker(StudyIdRule("public", "cq500", ("patient_id",)))
    with pytest.raises(SourceError, match="No public id of the spelling cq500 in patient_id") as caught:
        ids.study_id(**STUDY)
    assert "Doe" not in str(caught.value)


def test_a_study_without_uid_has_no_hash():
    with pytest.raises(SourceError, match="no StudyInstanceUID"):
        IdMaker(StudyIdRule("hashed"), key=KEY).study_id(**{**STUDY, "uid": ""})


def test_the_key_is_made_once_for_its_owner_only(tmp_path):
    path = default_key_path(tmp_path / "store")
    key = load_key(path, tmp_path / "store")
    assert len(key) == 32 and key == load_key(path, tmp_path / "store")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.parent == tmp_path


def test_a_key_in_the_store_or_without_digits_is_refused(tmp_path):
    with pytest.raises(SourceError, match="lies in the store"):
        load_key(tmp_path / "store" / "key", tmp_path / "store")
    bad = tmp_path / "bad"
    bad.write_text("hello")
    with pytest.raises(SourceError, match="holds no key"):
        load_key(bad, tmp_path / "store")
    bad.write_text("abcd")
    with pytest.raises(SourceError, match="holds 2 bytes"):
        load_key(bad, tmp_path / "store")
