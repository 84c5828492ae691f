import cv2
import pytest

from tests.data.images import picture, save_weights, write_picture


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


@pytest.fixture
def copies(tmp_path):
    """Four originals, two strong copies of each but the last, JPEGs of one quality."""
    root = tmp_path / "copydays"
    colours = ((40, 60, 220), (30, 200, 40), (220, 50, 40), (200, 200, 30))
    for number, colour in enumerate(colours):
        original = picture(colour, number)
        write_picture(root / "original" / f"20{number:02d}00.png", original)
        if number < 3:
            write_picture(root / "strong" / f"20{number:02d}01.png", original[:, ::-1])
            write_picture(root / "strong" / f"20{number:02d}02.png", original[8:, 4:])
        (root / "jpegqual/20").mkdir(parents=True, exist_ok=True)
        target = str(root / "jpegqual/20" / f"20{number:02d}00.jpg")
        assert cv2.imwrite(target, original[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 20])
    return root
