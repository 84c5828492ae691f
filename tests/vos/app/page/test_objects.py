"""Objects in the side panel, and undo and redo of what is done to them."""

import pytest


@pytest.fixture
def marked(page):
    """Two objects, each marked by a click; the second one is chosen."""
    page.click(60, 90)
    first = page.wait_for_mask()
    page.page.click("#add-object")
    page.page.wait_for_selector("[data-testid=object-2][aria-pressed=true]")
    page.click(200, 90)
    page.wait_for_mask(but_not=first)
    page.page.click("#object-more-summary")
    return page


def test_digits_choose_an_object(marked):
    marked.press("1")
    marked.page.wait_for_selector("[data-testid=object-1][aria-pressed=true]")
    marked.press("2")
    marked.page.wait_for_selector("[data-testid=object-2][aria-pressed=true]")
    marked.press("7")
    marked.has_text("#toasts", "There is no object 7.")


def test_an_object_is_renamed_and_coloured(marked):
    marked.page.fill("#object-name", "the green disc")
    marked.page.locator("#object-name").press("Enter")
    marked.has_text("#objects", "the green disc")
    marked.page.fill("#object-color", "#00ff00")
    marked.page.locator("#object-color").dispatch_event("change")
    marked.page.wait_for_timeout(200)
    assert marked.state()["objects/2"]["color"] == [0, 255, 0]
    assert marked.pixel(210, 95)[1] > 150


def test_keys_in_the_name_are_text(marked):
    marked.page.fill("#object-name", "")
    marked.page.locator("#object-name").press_sequentially("bdpf 1n")
    marked.page.locator("#object-name").press("Enter")
    marked.has_text("#objects", "bdpf 1n")
    assert [body for kind, body in marked.fake.requests if kind == "job"] == []


def test_a_hidden_object_is_not_drawn(marked):
    shown = marked.pixel(70, 100)
    marked.page.get_by_test_id("hide-1").click()
    marked.page.wait_for_selector("[data-testid=hide-1][aria-label=Show]")
    marked.page.wait_for_timeout(50)
    assert marked.pixel(70, 100) != shown
    assert marked.state()["objects/1"]["hidden"] is True


def test_an_object_is_deleted_and_comes_back_by_undo(marked):
    mask = marked.data("mask")
    marked.page.click("#delete-object")
    marked.page.wait_for_selector("[data-testid=object-2]", state="detached")
    marked.wait_for_mask(but_not=mask)
    marked.has_text("#undo-label", "Undo: delete object")
    marked.page.click("#undo")
    marked.wait(mask=mask)
    marked.has_text("#redo-label", "Redo: delete object")
    marked.page.click("#redo")
    marked.page.wait_for_selector("[data-testid=object-2]", state="detached")


def test_an_object_is_deleted_over_a_range(marked):
    marked.page.fill("#range-first", "0")
    marked.page.fill("#range-last", "4")
    shown = marked.pixel(210, 100)
    marked.page.click("#delete-range")
    marked.has_text("#undo-label", "Undo: delete range")
    marked.page.wait_for_timeout(50)
    assert marked.state()["removed/2"] == [[0, 4]]
    assert marked.pixel(210, 100) != shown


def test_objects_are_merged(marked):
    marked.page.select_option("#merge-into", "1")
    marked.page.click("#merge")
    marked.page.wait_for_selector("[data-testid=object-1][aria-pressed=true]")
    marked.page.wait_for_selector("[data-testid=object-2]", state="detached")
    assert marked.actions("merge_objects") == [{"action": "merge_objects", "from": 2, "into": 1}]


def test_prompts_are_listed_and_taken_away(marked):
    marked.has_text("#items", "Click")
    marked.page.get_by_test_id("remove-item-0").click()
    marked.has_text("#items", "None.")
    marked.press("1")
    marked.page.click("#clear-prompt")
    marked.wait(mask="")
    assert marked.actions("clear_prompt") == [{"action": "clear_prompt", "frame": 0, "object": 1}]


def test_settings_of_propagation_are_changes(page):
    page.page.click("#mode-protocol")
    page.page.wait_for_selector("#mode-protocol[aria-pressed=true]")
    page.page.click("#direction-forward")
    page.page.wait_for_selector("#direction-forward[aria-pressed=true]")
    assert page.state()["settings"] == {"mode": "protocol", "direction": "forward"}
    page.press("Control+z")
    page.page.wait_for_selector("#direction-both[aria-pressed=true]")


def test_every_change_of_a_long_row_is_undone_and_redone(marked):
    steps = len(next(iter(marked.fake.sources.values())).done)
    for _ in range(steps):
        revision = marked.data("revision")
        marked.press("Control+z")
        marked.page.wait_for_selector(f'body:not([data-revision="{revision}"])')
    marked.page.wait_for_selector("#undo:disabled")
    marked.wait(mask="")
    marked.page.wait_for_selector("[data-testid=object-1]", state="detached")
    for _ in range(steps):
        revision = marked.data("revision")
        marked.press("Control+Shift+z")
        marked.page.wait_for_selector(f'body:not([data-revision="{revision}"])')
    marked.page.wait_for_selector("#redo:disabled")
    marked.wait_for_mask()
