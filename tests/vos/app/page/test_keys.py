"""The table of keys: complete, and no key does two things."""

from collections import Counter

WANTED = {
    "Left", "Right", "Shift+Left", "Shift+Right", "Home", "End", "Alt+Left", "Alt+Right", "Space",
    "F", "B", "Ctrl+Z", "Ctrl+Shift+Z", "C", "R", "D", "E", "P", "Enter", "Esc", "N", "?",
    *"0123456789",
}  # fmt: skip


def table(page):
    script = """import("./core/keys.js").then(({KEYS, pressOf}) =>
      KEYS.map((key) => [pressOf(key), key.show, key.action]))"""
    return page.page.evaluate(script)


def test_no_key_does_two_things(page):
    presses = Counter(press for press, _, _ in table(page))
    assert [press for press, times in presses.items() if times > 1] == []


def test_the_keys_are_those_that_are_documented(page):
    assert {show for _, show, _ in table(page)} == WANTED


def test_letters_choose_tools(page):
    for key, tool in zip("crdep", ("click", "box", "brush", "eraser", "polygon"), strict=True):
        page.press(key)
        page.page.wait_for_selector(f"#tool-{tool}[aria-pressed=true]")


def test_space_on_a_focused_button_presses_it_and_does_not_play(page):
    page.page.focus("#add-object")
    page.press("Space")
    page.page.wait_for_selector("[data-testid=object-1]")
    assert page.data("playing") != "true"


def test_a_button_that_was_clicked_leaves_space_to_the_frames(page):
    page.page.click("#add-object")
    page.page.wait_for_selector("[data-testid=object-1]")
    page.press("Space")
    page.wait(playing="true")


def test_everything_is_reached_by_tab(page):
    page.click(60, 90)
    page.wait_for_mask()
    page.page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(80):
        page.press("Tab")
        script = "document.activeElement.id || document.activeElement.dataset.testid || ''"
        reached.add(page.page.evaluate(script))
    assert {
        "undo", "propagate", "open-export", "tool-brush", "canvas", "object-1", "hide-1", "opacity",
        "object-name", "play", "frame-number", "checked", "next-unsure", "timeline",
    } <= reached  # fmt: skip


def test_every_control_has_a_name_and_an_id(page):
    page.click(60, 90)
    page.wait_for_mask()
    script = """[...document.querySelectorAll("button, input, select, canvas[tabindex]")]
      .filter((one) => !(one.id || one.dataset.testid)
        || !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length
          || one.type === "file"))
      .map((one) => one.outerHTML)"""
    assert page.page.evaluate(script) == []
