"""Reports in headless Chromium: on a phone and on a desktop nothing overflows horizontally, and content is visible."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from autoprox.report import REPORT

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next((found for found in map(shutil.which, NAMES) if found), None)
PHONE, DESK = 390, 1280

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"there is no Chromium here: none of {', '.join(NAMES)}")

# A frame has its given width, even below the least width of a window.
_MEASURE = """<!DOCTYPE html><body><iframe id="page" width="{width}" height="800" srcdoc="{page}"></iframe><script>
onload = () => {{
  const inside = document.getElementById("page").contentDocument, root = inside.documentElement;
  const cut = (each) => each && (getComputedStyle(each).overflowX !== "visible" || cut(each.parentElement));
  const out = [...inside.querySelectorAll("body *")].filter((each) => !each.closest("svg") || each.tagName === "svg")
    .filter((each) => each.getBoundingClientRect().right > root.clientWidth + 1 && !cut(each.parentElement));
  document.body.innerHTML = "<pre>" + JSON.stringify({{
    "width": root.clientWidth, "scroll": root.scrollWidth, "out": out.map((each) => each.tagName + each.className),
    "height": root.scrollHeight}}) + "</pre>";
}};
</script>"""


def chromium(folder: Path, *arguments: object) -> str:
    given = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder}/profile",
    ]
    done = subprocess.run([CHROMIUM, *given, *map(str, arguments)], capture_output=True, timeout=120, check=True)
    return done.stdout.decode()


def measured(folder: Path, page: str, width: int) -> dict:
    path = folder / f"{width}.html"
    path.write_text(_MEASURE.format(width=width, page=html.escape(page)), encoding="utf-8")
    (found,) = re.findall("<pre>(.*?)</pre>", chromium(folder, "--dump-dom", path.as_uri()))
    return json.loads(html.unescape(found))


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_sticks_out(folder, tmp_path, width):
    found = measured(tmp_path, (folder / REPORT).read_text(encoding="utf-8"), width)
    assert found["width"] == pytest.approx(width, abs=20)  # a scroll bar
    assert found["scroll"] <= found["width"]
    assert found["out"] == []
    assert found["height"] > 2000


_SORTED = """<!DOCTYPE html><body><iframe id="page" width="1280" height="800" srcdoc="{page}"></iframe><script>
onload = () => {{
  const inside = document.getElementById("page").contentDocument, table = inside.getElementById("hall");
  const shown = () => [...table.tBodies[0].rows].map((row) => Number(row.cells[1].querySelector("data").value));
  const click = () => table.tHead.rows[0].cells[1].querySelector("button").click();
  const before = shown(); click(); const down = shown(); click(); const up = shown();
  const other = inside.createElement("script");
  other.textContent = "document.title = 'ran'"; inside.body.append(other);
  document.body.innerHTML = "<pre>" + JSON.stringify({{before, down, up, "title": inside.title,
    "grouped": inside.querySelectorAll("#per-block button").length}}) + "</pre>";
}};
</script>"""


def test_a_click_sorts_a_table_and_no_other_script_runs(folder, tmp_path):
    path = tmp_path / "sorted.html"
    path.write_text(_SORTED.format(page=html.escape((folder / REPORT).read_text(encoding="utf-8"))), encoding="utf-8")
    (found,) = re.findall("<pre>(.*?)</pre>", chromium(tmp_path, "--dump-dom", path.as_uri()))
    seen = json.loads(html.unescape(found))
    assert seen["down"] == sorted(seen["before"], reverse=True)
    assert seen["up"] == sorted(seen["before"])
    assert seen["title"] != "ran"
    assert seen["grouped"] == 0


def test_the_console_stays_empty(folder, tmp_path):
    given = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    command = [CHROMIUM, *given, f"--user-data-dir={tmp_path}/profile", (folder / REPORT).as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    assert b"CONSOLE" not in done.stderr
    assert b"<button" in done.stdout  # the script ran


def test_what_sticks_out_is_seen(tmp_path):
    found = measured(tmp_path, '<!DOCTYPE html><body><p class="far" style="width: 600px">wide</p></body>', PHONE)
    assert found["scroll"] > found["width"]
    assert found["out"] == ["Pfar"]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_there_is_something_to_see(folder, tmp_path, width):
    picture = tmp_path / "page.png"
    address = (folder / REPORT).as_uri()
    chromium(tmp_path, f"--window-size={width},1500", f"--screenshot={picture}", address)
    pixels = matplotlib.image.imread(picture)[..., :3]
    assert pixels.shape[1] >= width
    inked = (pixels.min(axis=-1) < 0.5).mean(axis=1) > 0
    assert inked.mean() > 0.2  # a fifth of the rows has letters or lines
    assert np.median(pixels) == 1  # on white


def test_a_dark_screen_is_followed(folder, tmp_path):
    picture = tmp_path / "dark.png"
    chromium(
        tmp_path,
        "--blink-settings=preferredColorScheme=0",
        f"--window-size={DESK},900",
        f"--screenshot={picture}",
        (folder / REPORT).as_uri(),
    )
    pixels = matplotlib.image.imread(picture)[..., :3]
    assert np.median(pixels) < 0.2
    assert (pixels.min(axis=-1) > 0.7).any(axis=1).mean() > 0.1  # light letters


def test_it_can_be_printed(folder, tmp_path):
    printed = tmp_path / "page.pdf"
    chromium(tmp_path, f"--print-to-pdf={printed}", (folder / REPORT).as_uri())
    pages = printed.read_bytes().count(b"/Type /Page\n")
    assert 3 <= pages <= 20
