"""Scores of joints, parts and points against those of the published programs."""

import numpy as np
import pytest

from tests.reference.files import files_with, load
from vos.datasets.points.badja import JOINTS, read_annotations
from vos.evaluation.part_iou import PartConfusion
from vos.evaluation.points.pck import JointTracks, reference_lengths, score_pck
from vos.evaluation.points.pck_t import SIZE, at_scored_size, score_pck_t, scored_area
from vos.evaluation.points.tap_vid import make_queries, mean_scores, score_tap_vid


def files(*names):
    """Return the references with arrays of these names as parameters; a skip where none is."""
    skipped = pytest.param(None, marks=pytest.mark.skip(reason="no such reference is here"))
    return [pytest.param(path, id=path.stem) for path in files_with(*names)] or [skipped]


def close(found, wanted, tolerance):
    np.testing.assert_allclose(found, wanted, atol=tolerance, rtol=0)


@pytest.mark.parametrize("path", files("joint_positions_1based", "alphas"))
def test_pck_of_joints(path):
    reference, _ = load(path)
    kinds = [name.removeprefix("coordinates_") for name in reference if "coordinates_" in name]
    stored = reference["joint_positions_1based"].transpose(0, 3, 2, 1) - 1  # (V, T, J, 2)
    cells = reference["soft_maps"].shape[3:1:-1]  # across and down
    assert kinds
    for kind in kinds:
        grid = reference[f"coordinates_{kind}"].transpose(0, 3, 2, 1).astype(np.float64)
        videos = []
        for true, found, size in zip(stored, grid, reference["image_size_wh"], strict=True):
            pixels = np.where(found >= 0, found * size / cells, np.nan)
            predicted = np.concatenate([true[:1], pixels])
            videos.append(JointTracks(true[: len(predicted)], predicted, tuple(size.tolist())))
        lengths = np.stack([reference_lengths(video)[1:] for video in videos])
        close(lengths, reference[f"reference_length_{kind}"], 1e-9)
        score = score_pck(videos, reference["alphas"].tolist())
        np.testing.assert_array_equal(score.scored, reference[f"num_scored_per_joint_{kind}"])
        close(score.per_joint, reference[f"pck_per_joint_{kind}"], 1e-9)
        close(score.mean, reference[f"pck_mean_{kind}"], 1e-9)


@pytest.mark.parametrize("path", files("confusion", "video_names"))
def test_iou_of_parts(path):
    reference, settings = load(path)
    confusion = PartConfusion(settings["num_classes"])
    for name in reference["video_names"]:
        frames = (reference[f"{kind}.{name}"] for kind in ("truth", "prediction"))
        for true, predicted in zip(*frames, strict=True):
            confusion.add(true, predicted)
    np.testing.assert_array_equal(confusion.matrix, reference["confusion"])
    close(confusion.iou, reference["iou_per_class"], 1e-12)
    for name, value in confusion.figures().items():
        assert abs(value - reference[{"mIoU": "miou"}.get(name, name)]) <= 1e-12, name


def joints_of(reference, name, folder):
    """Return a video's joints (T, N, 2) at the scored size and their visibility (T, N)."""
    (folder / f"{name}.json").write_text(str(reference[f"{name}.annotation_json"]))
    annotations = read_annotations(folder / f"{name}.json")
    masks = reference[f"{name}.masks"]
    true = np.zeros((len(masks), len(JOINTS), 2))
    visible = np.zeros(true.shape[:2], bool)
    for annotation in annotations:
        t = int(annotation.frame) - int(annotations[0].frame)
        true[t] = at_scored_size(annotation.rows_columns[:, ::-1], masks.shape[:0:-1])
        visible[t] = annotation.visible
    return true, visible


@pytest.mark.parametrize("path", files("*.annotation_json", "*.masks"))
def test_pck_t_of_animal_joints(path, tmp_path):
    reference, settings = load(path)
    assert [SIZE[1], SIZE[0]] == settings["network_size_hw"]
    assert list(JOINTS) == settings["joint_indices"]
    red = reference["palette"][:, 0] > 0
    scores = {}
    for name in (n.removesuffix(".masks") for n in reference if n.endswith(".masks")):
        true, visible = joints_of(reference, name, tmp_path)
        areas = np.array([scored_area(red[mask]) for mask in reference[f"{name}.masks"]])
        np.testing.assert_array_equal(areas, reference[f"{name}.mask_area"])
        np.testing.assert_array_equal(visible, reference[f"{name}.visible"])
        close(true, reference[f"{name}.true_xy"], 0.01)
        predicted = reference[f"{name}.predicted_xy"]
        scores[name] = score_pck_t(predicted, true, visible, areas, settings["pck_factor"])
        assert abs(scores[name] - reference[f"{name}.pck"]) <= 1e-3, name
    mean = np.mean([scores[name] for name in settings["videos_with_heat_maps"]])
    assert abs(mean - reference["mean_pck"]) <= 1e-3


def score_of(reference, settings, name, mode):
    """Compare a video's queries and figures; return the figures."""
    own = f"{name}.{mode}"
    positions = reference[f"{name}.points"].astype(np.float64) * settings["size"]
    occluded = reference[f"{name}.occluded"]
    queries = make_queries(positions, occluded, mode, settings["query_stride"])
    np.testing.assert_array_equal(queries.points, reference[f"{own}.query_points"])
    np.testing.assert_array_equal(queries.target_points, reference[f"{own}.target_points"])
    np.testing.assert_array_equal(queries.target_occluded, reference[f"{own}.target_occluded"])
    if f"{own}.trackgroup" in reference:
        np.testing.assert_array_equal(queries.tracks, reference[f"{own}.trackgroup"])
    predicted = (reference[f"{own}.predicted_{what}"] for what in ("points", "occluded"))
    score = score_tap_vid(queries, *predicted, settings["thresholds_px"])
    for entry in (e for e in reference if e.startswith(f"{own}.metric.")):
        assert abs(score.figures[entry.split(".")[-1]] - reference[entry]) <= 1e-12, entry
    for entry in (e for e in reference if e.startswith(f"{own}.per_track.")):
        close(score.per_query[entry.split(".")[-1]], reference[entry], 1e-12)
    return score.figures


@pytest.mark.parametrize("mode", ["first", "strided"])
@pytest.mark.parametrize("path", files("*.points", "*.occluded"))
def test_figures_of_tracks(path, mode):
    reference, settings = load(path)
    names = [n for n in reference["video_names"] if f"{n}.{mode}.query_points" in reference]
    scores = [score_of(reference, settings, name, mode) for name in names]
    means = mean_scores(scores)
    entries = [entry for entry in reference if entry.startswith(f"mean.{mode}.")]
    assert names and entries
    for entry in entries:
        assert abs(means[entry.split(".")[-1]] - reference[entry]) <= 1e-12, entry
