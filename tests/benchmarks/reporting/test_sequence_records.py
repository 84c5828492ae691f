import pytest

from benchmarks.reporting.run_files import RESULTS, RUN
from benchmarks.reporting.sequence_records import SEQUENCES, prepare_records
from vos.errors import InputError
from vos.files import write_json


def prepare(out, settings, overwrite=False, defaults=None):
    prepare_records(
        out, settings, overwrite=overwrite, defaults=defaults or {}, stale=(RESULTS, "report.html")
    )


@pytest.fixture
def run(tmp_path):
    """A finished run with one record."""
    prepare(tmp_path / "run", {"rules": {"most": 3}})
    for name in (f"{SEQUENCES}/bear.json", RESULTS, "report.html"):
        (tmp_path / "run" / name).write_text("{}")
    write_json(tmp_path / "run" / RUN, {"settings": {"rules": {"most": 3}}})
    return tmp_path / "run"


def test_records_of_the_same_settings_stay_and_what_is_of_all_goes(run):
    prepare(run, {"rules": {"most": 3}})
    assert (run / SEQUENCES / "bear.json").is_file()
    assert not (run / RESULTS).exists() and not (run / "report.html").exists()


def test_a_setting_that_an_older_run_did_not_record_has_its_default(run):
    prepare(run, {"rules": {"most": 3, "marks": 2}}, defaults={"rules": {"most": 9, "marks": 2}})
    assert (run / SEQUENCES / "bear.json").is_file()


def test_other_settings_are_refused_and_replaced_if_asked_for(run):
    with pytest.raises(InputError, match="most: 3 before, 4 now"):
        prepare(run, {"rules": {"most": 4}})
    prepare(run, {"rules": {"most": 4}}, overwrite=True)
    assert not list((run / SEQUENCES).iterdir())


def test_records_without_their_settings_are_refused(run):
    (run / RUN).unlink()
    with pytest.raises(InputError, match=r"no run\.json says how"):
        prepare(run, {})


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        prepare(tmp_path / "file" / "run", {}, overwrite=True)
