"""Plain folders of masks as sequences."""

from PIL import Image

from tests.data.dataset_folders import add_sequence, mask
from vos.datasets.loading import load_dataset


def test_any_folder_of_sequences_in_natural_order(tmp_path):
    for name in ("clip10", "clip2"):
        add_sequence(tmp_path, name, {t: mask(5) for t in (2, 10)}, images=0)
    dataset = load_dataset(tmp_path / "Annotations/480p", images=False)
    assert [s.name for s in dataset.sequences] == ["clip2", "clip10"]
    assert dataset.subset == "all"
    assert dataset.sequences[0].frame_names == ("00002", "00010")


def test_one_folder_of_masks_is_one_sequence_and_white_is_an_object(tmp_path, monkeypatch):
    Image.fromarray(mask(255)).save(tmp_path / "0.png")
    sequence = load_dataset(tmp_path, images=False).sequences[0]
    assert sequence.prompts == {"0": (1,)}
    monkeypatch.chdir(tmp_path)
    assert load_dataset(".", images=False).sequences[0].name == tmp_path.name
