import pytest

from benchmarks.speed.propagation import PLAIN
from benchmarks.speed.speed import Speed
from vos.errors import InputError


def test_speed_prints_ratios_and_writes_the_machine(capsys, tmp_path):
    out = tmp_path / "speed.json"
    verb = Speed(parts=("propagation",), patch_sizes=(16,), rounds=1, out=out)
    assert verb.run() == 0
    assert PLAIN in capsys.readouterr().out
    assert '"cores"' in out.read_text()


def test_too_few_rounds_are_refused():
    with pytest.raises(InputError, match="1 round"):
        Speed(rounds=0).run()
