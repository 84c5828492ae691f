"""Scores of joints, parts and points against those of the published programs."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from vos.datasets.points.badja import read_annotations
from vos.evaluation.part_iou import PartConfusion
from vos.evaluation.points.pck import JointTracks, reference_lengths, score_pck
from vos.evaluation.points.pck_t import SIZE, at_scored_size, score_pck_t, scored_area
from vos.evaluation.points.tap_vid import make_queries, mean_scores, score_tap_vid

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("VOS_SHARED_DATA", ROOT.parent / "shared" / "data"))
FOLDER = Path(os.environ.get("VOS_REFERENCE_DIR", SHARED / "reference"))


def files(name):
    """Return the references of one form as parameters of a test; a skipped one where none is."""
    paths = [p for p in sorted(FOLDER.glob(f"{name}*.npz")) if "_real" not in p.stem]
    skipped = pytest.param(None, marks=pytest.mark.skip(reason=f"no {name}*.npz in {FOLDER}"))
    return [pytest.param(p, id=p.stem) for p in paths] or [skipped]


def settings(reference):
    return json.loads(str(reference["settings_json"]))


@pytest.mark.parametrize("path", files("jhmdb"))
def test_pck_of_joints(path):
    with np.load(path) as reference:
        kinds = [n.removeprefix("coordinates_") for n in reference.files if "coordinates_" in n]
        stored = reference["joint_positions_1based"].transpose(0, 3, 2, 1) - 1  # (V, T, J, 2)
        sizes = reference["image_size_wh"]
        network = settings(reference)["network_input"][0]
        cells = network // settings(reference)["strides"][0]
        assert kinds
        for kind in kinds:
            grid = reference[f"coordinates_{kind}"].transpose(0, 3, 2, 1).astype(np.float64)
            videos = []
            for true, found, size in zip(stored, grid, sizes, strict=True):
                pixels = np.where(found >= 0, found * size / cells, np.nan)
                predicted = np.concatenate([true[:1], pixels])
                videos.append(JointTracks(true[: len(predicted)], predicted, tuple(size.tolist())))
            lengths = np.stack([reference_lengths(video)[1:] for video in videos])
            np.testing.assert_allclose(
                lengths, reference[f"reference_length_{kind}"], atol=1e-9, rtol=0
            )
            score = score_pck(videos, reference["alphas"].tolist())
            np.testing.assert_array_equal(score.scored, reference[f"num_scored_per_joint_{kind}"])
            np.testing.assert_allclose(
                score.per_joint, reference[f"pck_per_joint_{kind}"], atol=1e-9, rtol=0
            )
            np.testing.assert_allclose(score.mean, reference[f"pck_mean_{kind}"], atol=1e-9, rtol=0)


@pytest.mark.parametrize("path", files("vip"))
def test_iou_of_parts(path):
    with np.load(path) as reference:
        confusion = PartConfusion(settings(reference)["num_classes"])
        for name in reference["video_names"]:
            frames = (reference[f"{kind}.{name}"] for kind in ("truth", "prediction"))
            for true, predicted in zip(*frames, strict=True):
                confusion.add(true, predicted)
        np.testing.assert_array_equal(confusion.matrix, reference["confusion"])
        np.testing.assert_allclose(confusion.iou, reference["iou_per_class"], atol=1e-12, rtol=0)
        names = {"mIoU": "miou"}
        for name, value in confusion.figures().items():
            assert abs(value - reference[names.get(name, name)]) <= 1e-12, name


@pytest.mark.parametrize("path", files("badja"))
def test_pck_t_of_animal_joints(path, tmp_path):
    with np.load(path) as reference:
        scores = {}
        videos = [n.removesuffix(".masks") for n in reference.files if n.endswith(".masks")]
        for name in videos:
            (tmp_path / f"{name}.json").write_text(str(reference[f"{name}.annotation_json"]))
            annotations = read_annotations(tmp_path / f"{name}.json")
            masks = reference[f"{name}.masks"]
            size = masks.shape[:0:-1]
            first = int(annotations[0].frame)
            true, visible = np.zeros((len(masks), 20, 2)), np.zeros((len(masks), 20), bool)
            for annotation in annotations:
                t = int(annotation.frame) - first
                true[t] = at_scored_size(annotation.rows_columns[:, ::-1], size)
                visible[t] = annotation.visible
            areas = np.array(
                [scored_area(reference["palette"][mask][..., 0] > 0) for mask in masks]
            )
            np.testing.assert_array_equal(areas, reference[f"{name}.mask_area"])
            np.testing.assert_array_equal(visible, reference[f"{name}.visible"])
            np.testing.assert_allclose(true, reference[f"{name}.true_xy"], atol=0.01, rtol=0)
            predicted = reference[f"{name}.predicted_xy"]
            scores[name] = score_pck_t(predicted, true, visible, areas)
            assert abs(scores[name] - reference[f"{name}.pck"]) <= 1e-3, name
        with_maps = settings(reference)["videos_with_heat_maps"]
        mean = np.mean([scores[name] for name in with_maps])
        assert abs(mean - reference["mean_pck"]) <= 1e-3
        assert [SIZE[1], SIZE[0]] == settings(reference)["network_size_hw"]


@pytest.mark.parametrize("mode", ["first", "strided"])
@pytest.mark.parametrize("path", files("tapvid"))
def test_figures_of_tracks(path, mode):
    with np.load(path) as reference:
        scores = []
        for name in reference["video_names"]:
            size = settings(reference)["size"]
            positions = reference[f"{name}.points"].astype(np.float64) * size
            queries = make_queries(positions, reference[f"{name}.occluded"], mode)
            own = f"{name}.{mode}"
            np.testing.assert_array_equal(queries.points, reference[f"{own}.query_points"])
            np.testing.assert_array_equal(queries.target_points, reference[f"{own}.target_points"])
            np.testing.assert_array_equal(
                queries.target_occluded, reference[f"{own}.target_occluded"]
            )
            if mode == "strided":
                np.testing.assert_array_equal(queries.tracks, reference[f"{own}.trackgroup"])
            predicted = (reference[f"{own}.predicted_{what}"] for what in ("points", "occluded"))
            score = score_tap_vid(queries, *predicted)
            scores.append(score.figures)
            for figure, value in score.figures.items():
                assert abs(value - reference[f"{own}.metric.{figure}"]) <= 1e-12, figure
            for entry in reference.files:
                if entry.startswith(f"{own}.per_track."):
                    values = score.per_query[entry.split(".")[-1]]
                    np.testing.assert_allclose(values, reference[entry], atol=1e-12, rtol=0)
        for figure, value in mean_scores(scores).items():
            assert abs(value - reference[f"mean.{mode}.{figure}"]) <= 1e-12, figure
