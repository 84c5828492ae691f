"""How soon a long clip is shown, and the memory of server and page."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.vos.video.frame_store.test_speed import clip as moving_clip

GIGABYTE = 1 << 30
SHOW = """async (number) => {
  const field = document.getElementById("frame-number");
  field.value = number;
  const start = performance.now();
  field.dispatchEvent(new Event("change"));
  await new Promise((done) => {
    const look = () => (document.body.dataset.frame === String(number)
      ? done() : requestAnimationFrame(look));
    look();
  });
  return (performance.now() - start) / 1000;
}"""
SCRUB = """async ([first, last]) => {
  const field = document.getElementById("frame-number");
  const times = [];
  for (let number = first; number < last; number += 1) {
    const start = performance.now();
    field.value = number;
    field.dispatchEvent(new Event("change"));
    await new Promise((done) => {
      const look = () => (document.body.dataset.frame === String(number)
        ? done() : requestAnimationFrame(look));
      look();
    });
    times.push((performance.now() - start) / 1000);
  }
  return times;
}"""
pytestmark = [pytest.mark.slow, pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="memory is read in /proc"
)]  # fmt: skip


def renderers_memory(browser):
    """Return the bytes in memory of the processes that draw pages."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    pages = [int(p["id"]) for p in processes if p["type"] == "renderer"]
    files = [Path(f"/proc/{number}/statm") for number in pages]
    return sum(int(f.read_text().split()[1]) for f in files if f.exists()) * 4096


def test_two_hours_open_at_once(tmp_path, start, visit, browser):
    path = moving_clip(tmp_path / "clip.mp4", 14400, (180, 320), 2, "ultrafast")
    server = start(path)
    began = time.perf_counter()
    page = visit(server)
    opened = time.perf_counter() - began
    page.has_text("#source-facts", "14400 frames")
    counted = time.perf_counter() - began
    last = page.page.evaluate(SHOW, 14399)
    page.page.evaluate(SCRUB, [9000, 9100])
    memory = server.memory("VmHWM")
    print(
        f"\nload {os.getloadavg()[0]:.1f}; opened {opened:.2f}, counted {counted:.2f}, the last "
        f"frame {last:.2f} s; memory of the server {memory / GIGABYTE:.2f}, of the page "
        f"{renderers_memory(browser) / GIGABYTE:.2f} GB"
    )
    assert opened < 5
    assert counted < 30
    assert last < 2
    assert memory < 2 * GIGABYTE
    assert renderers_memory(browser) < GIGABYTE
