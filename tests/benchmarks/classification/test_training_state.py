from tests.data.images import bench


def test_state_of_other_settings_or_damaged(common, tmp_path, capsys):
    arguments = ["linear", *common, "--lr", 1.0, "-o", tmp_path]
    assert bench(*arguments, "--epochs", 1) == 0
    assert bench(*arguments, "--epochs", 2) == 2
    assert "other data, weights or settings" in capsys.readouterr().err
    (tmp_path / "linear.pth").write_bytes(b"broken")
    assert bench(*arguments, "--epochs", 1) == 2
    assert "cannot be read as the state" in capsys.readouterr().err
