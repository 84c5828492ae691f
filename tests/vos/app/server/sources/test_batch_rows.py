"""A batch in the page: the least sure run first."""

from __future__ import annotations

from pathlib import Path

from vos.app.server.sources.batch_rows import batch_sources


def make_run(out, confidences):
    (out / "masks").mkdir(parents=True)
    (out / "masks" / "00000.png").write_bytes(b"png")
    (out / "run.json").write_text("{}")
    if confidences is not None:
        rows = "".join(f"0,00000,1,{value},0\n" for value in confidences)
        (out / "confidence.csv").write_text("frame,name,object,confidence,absent\n" + rows)


def test_rows_are_ordered_by_their_lowest_confidence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = {
        "sure": [0.9, 0.8], "none": None, "unsure": [0.9, 0.1], "missing": "", "middle": [0.5],
        "damaged": ["x"],
    }  # fmt: skip
    for name, confidences in runs.items():
        if confidences != "":
            make_run(Path("out", name), confidences)
    lines = [f"{name}.mp4,mask.png,out/{name}" for name in runs]
    Path("list.csv").write_text("\n".join(["video,mask,output", *lines]))
    specs = batch_sources(Path("list.csv"))
    names = ["unsure", "middle", "sure", "none", "damaged", "missing.mp4"]
    assert [spec.name for spec in specs] == names
    assert [spec.least_sure for spec in specs] == [0.1, 0.5, 0.8, None, None, None]
    assert specs[0].run == Path("out/unsure")
    assert specs[0].folder == tmp_path / "out" / "unsure.vos-project"
    assert specs[-1].run is None
    assert all(spec.is_given for spec in specs)
