import pytest

from tests.data.images import save_weights, write_classes


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("finetune")
    write_classes(root / "train", 4)
    write_classes(root / "test", 2, start=10)
    save_weights(root / "vit.pth")
    return root
