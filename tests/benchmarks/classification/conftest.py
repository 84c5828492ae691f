import pytest

from tests.data.images import save_weights, write_classes


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    root = tmp_path_factory.mktemp("classes")
    write_classes(root / "train", 4)
    write_classes(root / "test", 2, start=10)
    return root


@pytest.fixture(scope="module")
def common(tmp_path_factory):
    """Images of three classes, a small ViT, and the options to use them."""
    root = tmp_path_factory.mktemp("linear")
    write_classes(root / "train", 4)
    write_classes(root / "test", 2, start=10)
    weights = save_weights(root / "vit.pth")
    sets = ["--train", root / "train", "--test", root / "test"]
    network = ["--weights", weights, "--precision", "fp32", "--size", 32, "--workers", 0]
    return [*sets, *network]
