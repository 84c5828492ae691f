"""Nothing overflows and all text is readable, at two widths, in light and in dark."""

import pytest

OVERFLOW = """() => {
  const wide = [];
  if (document.documentElement.scrollWidth > innerWidth) wide.push("page");
  for (const one of document.querySelectorAll("body *")) {
    const box = one.getBoundingClientRect();
    if (!box.width || one.closest("[hidden], dialog:not([open]), .off-screen")) continue;
    const holder = one.closest(".timeline, .toasts, .list, .items, .side, svg, dialog");
    if (box.right > innerWidth + 1 || box.left < -1) wide.push(one.outerHTML.slice(0, 90));
    else if (!holder && box.bottom > innerHeight + 1) wide.push(one.outerHTML.slice(0, 90));
    const style = getComputedStyle(one);
    const isCut = one.scrollWidth > one.clientWidth + 1 && one.clientWidth
      && style.overflowX === "visible" && style.display !== "inline" && one.tagName !== "svg";
    if (isCut && !one.closest("svg")) wide.push("cut: " + one.outerHTML.slice(0, 90));
  }
  return wide;
}"""
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const parse = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const part = [r, g, b].map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
  };
  const ground = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color[3] > 200) return color;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const one of document.querySelectorAll("body *")) {
    const text = [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!text || !one.getClientRects().length) continue;
    const dim = one.closest(":disabled, .faint, svg") || one.closest("label:has(:disabled)");
    if (dim) continue;
    const [a, b] = [parse(getComputedStyle(one).color), ground(one)].map(luminance)
      .sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)} ${one.outerHTML.slice(0, 90)}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_nothing_overflows_and_text_is_readable(page, theme, width, height):
    page.page.emulate_media(color_scheme=theme)
    page.page.set_viewport_size({"width": width, "height": height})
    page.click(60, 90)
    page.wait_for_mask()
    page.page.click("#propagate")
    page.wait(last_job="done")
    page.page.click("#toggle-sources")
    for opener in (None, "#open-help", "#open-export", "#open-source"):
        if opener:
            page.page.click(opener)
        assert page.page.evaluate(OVERFLOW) == []
        assert page.page.evaluate(CONTRAST) == []
        page.press("Escape")


def test_the_theme_follows_the_system_and_the_button(page):
    def ground():
        return page.page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.page.emulate_media(color_scheme="dark")
    dark = ground()
    page.page.emulate_media(color_scheme="light")
    assert ground() != dark
    page.page.click("#toggle-theme")
    page.page.click("#toggle-theme")
    page.page.wait_for_selector("html[data-theme=dark]")
    assert ground() == dark
    page.page.reload()
    page.page.wait_for_selector("html[data-theme=dark]")


def test_the_page_loads_nothing_from_elsewhere_and_has_no_inline_code(page):
    hosts = page.page.evaluate(
        "performance.getEntriesByType('resource').map((one) => new URL(one.name).host)"
    )
    assert set(hosts) == {page.server.address.split("/")[2]}
    source = page.page.evaluate("fetch('index.html').then((answer) => answer.text())")
    assert "style=" not in source
    assert "onclick" not in source
