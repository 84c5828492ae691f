"""Masks that nothing leads to are removed at opening, and no others."""

from tests.vos.app.project.makers import add_objects, frame, mask, prompt
from vos.app.project.project import Project
from vos.app.project.storage.mask_store import MaskStore


def stored(folder):
    return {path.stem for path in (folder / "store").glob("*/*.png")}


def test_masks_of_undone_steps_that_cannot_be_redone_are_removed_at_opening(folder, project):
    add_objects(project, 1)
    project.change(
        "Click", {"prompts/3/1": prompt(project, [1]), "frames/3": frame(project, {1: [1]})}
    )
    kept = project.change("Edit", {"frames/3": frame(project, {1: [2]})}).changed["frames/3"][
        "mask"
    ]
    project.undo()
    dropped = project.change("Other", {"frames/3": frame(project, {1: [4]})}).changed
    project.undo()
    project.change("Again", {"frames/3": frame(project, {1: [5]})})
    undone = project.change("Last", {"frames/3": frame(project, {1: [6]})}).changed["frames/3"]
    project.undo()
    state = project.snapshot()
    assert {kept, dropped["frames/3"]["mask"], undone["mask"]} <= stored(folder)
    project.close()
    with Project.open(folder) as again:
        assert not {kept, dropped["frames/3"]["mask"]} & stored(folder)
        assert again.snapshot() == state
        assert again.redo().changed["frames/3"] == undone
        assert (again.mask(undone["mask"])[6] == 1).all()
        while again.undo_label:
            again.undo()
        while again.redo_label:
            again.redo()
        assert again.get("frames/3") == undone


def test_linked_and_foreign_files_stay(tmp_path):
    store = MaskStore(tmp_path)
    used, linked, unused = (store.put(mask([row])) for row in (1, 2, 3))
    (tmp_path / "elsewhere.png").hardlink_to(store.path(linked))
    foreign = [tmp_path / used[:2] / "mine.png", tmp_path / "zz" / f"{unused}.png"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"mine")
    assert MaskStore(tmp_path).remove_others({used}) == 1
    assert all(path.is_file() for path in [*foreign, store.path(used), store.path(linked)])
    assert not store.path(unused).exists()
