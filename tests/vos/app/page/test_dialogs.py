"""Opening, sources, exports, mask files and help."""

import cv2
import numpy as np


def png(height=180, width=320):
    ids = np.zeros((height, width), np.uint8)
    ids[60:120, 30:90] = 1
    return cv2.imencode(".png", ids)[1].tobytes()


def test_an_empty_page_opens_the_demo(empty_page):
    empty_page.open()
    empty_page.page.click("#open-demo")
    empty_page.wait(state="ready", frame=0)
    empty_page.page.wait_for_selector("#empty", state="hidden")
    assert empty_page.page.title() == "demo.mp4 - vos"


def test_a_path_is_opened_or_refused_with_a_sentence(empty_page):
    empty_page.open()
    empty_page.page.fill("#open-path", "/none.mp4")
    empty_page.page.click("#open-path-go")
    empty_page.has_text("#open-status", "/none.mp4: there is no such file.")
    empty_page.page.fill("#open-path", "/videos/clip.mp4")
    empty_page.page.locator("#open-path").press("Enter")
    empty_page.wait(state="ready", frame=0)


def test_folders_are_browsed(empty_page):
    empty_page.open()
    page = empty_page.page
    page.get_by_test_id("entry").filter(has_text="videos").click()
    page.get_by_test_id("entry").filter(has_text="folder").click()
    page.get_by_test_id("crumb").filter(has_text="videos").click()
    page.get_by_test_id("entry").filter(has_text="bear.mp4").click()
    empty_page.wait(state="ready", frame=0)
    assert ("add_source", {"entry": "e2"}) in empty_page.fake.requests


def test_a_video_is_sent(empty_page):
    empty_page.open()
    video = {"name": "mine.mp4", "mimeType": "video/mp4", "buffer": b"x" * 1000}
    empty_page.page.set_input_files("#upload-file", video)
    empty_page.wait(state="ready", frame=0)
    empty_page.has_text("#source-name", "mine.mp4")
    assert ("upload", 1000) in empty_page.fake.requests


def test_a_video_that_is_too_large_is_not_sent(empty_page):
    empty_page.open()
    video = {"name": "long.mp4", "mimeType": "video/mp4", "buffer": b"x" * 110_000}
    empty_page.page.set_input_files("#upload-file", video)
    empty_page.has_text("#error-text", "at most 100 kB can be sent")
    assert empty_page.fake.requests == []


def drop(page, name, data):
    page.page.evaluate(
        """([name, data]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(data)], name));
          for (const type of ["dragenter", "dragover", "drop"]) {
            const event = new DragEvent(type, {
              dataTransfer: transfer, bubbles: true, cancelable: true,
            });
            document.getElementById("stage").dispatchEvent(event);
          }
        }""",
        [name, list(data)],
    )


def test_a_video_is_dropped(empty_page):
    empty_page.open()
    drop(empty_page, "dropped.mp4", b"video")
    empty_page.wait(state="ready", frame=0)
    empty_page.has_text("#source-name", "dropped.mp4")


def test_a_mask_is_dropped_on_the_frame(page):
    drop(page, "mask.png", png())
    page.has_text("#mask-about", "mask.png becomes the mask of frame 0.")
    assert page.page.is_disabled("#mask-single")
    page.page.click("#mask-go")
    page.wait_for_mask()
    page.has_text("#toasts", "imported into frame 0")


def test_a_mask_of_one_object_is_chosen_and_fitted(page):
    page.click(60, 90)
    page.wait_for_mask()
    mask = {"name": "mask.png", "mimeType": "image/png", "buffer": png()}
    page.page.set_input_files("#mask-file", mask)
    page.page.check("#mask-single")
    page.has_text("#mask-body", "Give stray values the nearest of the main values")
    page.page.check("#mask-snap")
    page.page.click("#mask-go")
    page.has_text("#undo-label", "import mask")
    assert ("import_mask", {"frame": "0", "object": "1", "snap": "1"}) in page.fake.requests


def test_a_mask_of_another_size_is_refused_with_a_sentence(page):
    mask = {"name": "mask.png", "mimeType": "image/png", "buffer": png(90, 160)}
    page.page.set_input_files("#mask-file", mask)
    page.page.click("#mask-go")
    page.has_text("#error-text", "another size")


def test_sources_are_listed_least_sure_first_and_each_keeps_its_frame(empty_page):
    for name in ("sure.mp4", "unsure.mp4"):
        empty_page.fake.add(name)
    empty_page.fake.least_sure = {"s1": 0.9, "s2": 0.4}
    empty_page.open()
    page = empty_page.page
    assert page.get_by_test_id("source").all_inner_texts() == ["unsure.mp4\n0.40", "sure.mp4\n0.90"]
    empty_page.has_text("#source-name", "unsure.mp4")
    empty_page.press("End")
    empty_page.wait(frame=59)
    page.get_by_test_id("source").nth(1).click()
    empty_page.has_text("#source-name", "sure.mp4")
    empty_page.wait(frame=0, state="ready")
    page.get_by_test_id("source").nth(0).click()
    empty_page.wait(frame=59, state="ready")
    page.click("#toggle-sources")
    page.wait_for_selector("#sources-panel", state="hidden")


def test_another_video_is_opened_from_the_list(page):
    page.page.click("#toggle-sources")
    page.page.click("#open-source")
    page.page.click("#open-demo")
    page.has_text("#source-name", "demo.mp4")
    page.page.wait_for_selector("#open-dialog", state="hidden")
    page.wait(state="ready", frame=0)


def test_formats_are_exported_with_what_they_lose(page):
    page.page.click("#open-export")
    page.page.check("#format-cvat")
    page.page.check("#format-overlay")
    page.page.check("#export-ids")
    page.page.fill("#export-fps", "12.5")
    page.page.click("#export-go")
    page.has_text("#export-status", "3 files:")
    page.has_text("#export-files", "2 holes of object 1 are filled on frame 3.")
    options = {"show_ids": True, "overlay_fps": 12.5}
    order = {"kind": "export", "formats": ["masks", "overlay", "cvat"], "options": options}
    assert ("job", order) in page.fake.requests
    with page.page.expect_download() as download:
        page.page.get_by_test_id("export-file").first.locator("a").click()
    assert download.value.suggested_filename.endswith("-masks.zip")


def test_an_export_needs_a_format_and_is_stopped(page):
    page.fake.job_seconds = 0.5
    page.page.click("#open-export")
    page.page.uncheck("#format-masks")
    assert page.page.is_disabled("#export-go")
    page.page.check("#format-yolo")
    page.page.check("#export-pictures")
    page.page.click("#export-go")
    page.has_text("#export-status", "Exporting")
    page.page.click("#export-cancel")
    page.has_text("#export-status", "Stopped")
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector("#export-dialog", state="hidden")


def test_help_lists_every_key(page):
    page.press("?")
    page.page.wait_for_selector("#help-dialog[open]")
    script = "import('./core/keys.js').then(({KEYS}) => KEYS.map((key) => key.show))"
    shown = page.page.locator("#help-body kbd").all_inner_texts()
    digits = {str(digit) for digit in range(2, 9)}
    assert set(page.page.evaluate(script)) - digits <= set(shown)
    page.press("ArrowRight")  # keys rest while a dialog is open
    page.press("Escape")
    page.page.wait_for_selector("#help-dialog", state="hidden")
    assert page.data("frame") == "0"
