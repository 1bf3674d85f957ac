"""The pages in a real browser: no script error, no overflow, nothing fetched, light and dark."""

import re
import shutil

import pytest

from tests.browser import needs_browser, open_browser

pytestmark = needs_browser
WIDTHS = (360, 768, 1280)


@pytest.fixture(scope="module")
def browser():
    with open_browser() as running:
        yield running


@pytest.fixture(params=["run", "large", "comparison", "two_sparsities"])
def page(request):
    return request.getfixturevalue(request.param) / "report.html"


# What reaches over the right edge of the window, unless it scrolls on its own.
OVERFLOWING = """
[...document.body.querySelectorAll("*")].filter(e => {
  const { left, right } = e.getBoundingClientRect();
  const scrolls = e.closest(".wide") || e.closest("details:not([open])");
  return !scrolls && e.getClientRects().length && (right > innerWidth + 0.5 || left < -0.5);
}).map(e => e.outerHTML.slice(0, 120))
"""

# Texts and their colors, with the ground they stand on.
COLORS = """
[...document.body.querySelectorAll("*")].filter(e =>
  e.getClientRects().length && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
).map(e => {
  const color = e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color;
  let ground = e;
  while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") {
    ground = ground.parentElement;
  }
  return [e.textContent.trim().slice(0, 40), color, getComputedStyle(ground).backgroundColor];
})
"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_no_error_no_overflow_no_request(browser, page, width, dark):
    browser.open(page, width=width, dark=dark)
    assert browser.problems == []
    asked = [address for address in browser.requests if not address.startswith("data:")]
    assert asked == [page.resolve().as_uri()]
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(OVERFLOWING) == []
    browser.run('document.querySelectorAll("details").forEach(d => d.open = true)')
    assert browser.run("document.documentElement.scrollWidth") <= width


def luminance(color):
    """Relative luminance of a CSS color, as WCAG 2.2 has it."""
    channels = [int(c) / 255 for c in re.findall(r"\d+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_has_enough_contrast(browser, page, dark):
    browser.open(page, width=1280, dark=dark)
    texts = browser.run(COLORS)
    assert len(texts) > 50
    faint = []
    for text, color, ground in texts:
        light, low = sorted((luminance(color), luminance(ground)), reverse=True)
        if (light + 0.05) / (low + 0.05) < 4.5:
            faint.append((text, color, ground))
    assert faint == []


def test_the_slider_goes_through_the_epochs_by_keys(browser, run):
    browser.open(run / "report.html", width=1280)
    shown = """[...document.querySelectorAll(".stack")].map(s =>
        [...s.children].map(i => getComputedStyle(i).display !== "none"))"""
    said = 'document.querySelector(".frames output").textContent'
    assert browser.run(shown) == [[False, False, False, True]] * 3
    browser.run('document.querySelector(".frames input").focus()')
    browser.press("Home")
    assert browser.run(shown) == [[True, False, False, False]] * 3
    assert browser.run(said).startswith("start: ")
    browser.press("ArrowRight")
    assert browser.run(shown) == [[False, True, False, False]] * 3
    assert browser.run(said).startswith("epoch 1: ")
    spoken = 'document.querySelector(".frames input").getAttribute("aria-valuetext")'
    assert browser.run(spoken) == browser.run(said)


def test_the_animation_runs_to_the_end_and_stops(browser, run):
    browser.open(run / "report.html", width=360)
    seen = browser.run(
        """new Promise(done => {
          const play = document.querySelector(".play");
          const slider = document.querySelector(".frames input");
          const seen = [];
          play.click();
          seen.push(slider.value, play.textContent);
          const look = setInterval(() => {
            if (seen.at(-1) !== slider.value) seen.push(slider.value);
            if (play.textContent === "Play") { clearInterval(look); done(seen); }
          }, 20);
        })"""
    )
    assert seen == ["0", "Stop", "0", "1", "2", "3"]
    assert browser.problems == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_button_turns_light_into_dark_and_back(browser, page, dark):
    browser.open(page, width=1280, dark=dark)
    paper = "getComputedStyle(document.body).backgroundColor"
    before = browser.run(paper)
    assert (luminance(before) < 0.1) == dark
    browser.run('document.getElementById("theme").click()')
    assert (luminance(browser.run(paper)) < 0.1) == (not dark)
    browser.run('document.getElementById("theme").click()')
    assert browser.run(paper) == before
    browser.run("localStorage.clear()")


def test_pictures_are_decoded(browser, run):
    browser.open(run / "report.html", width=1280)
    script = """Promise.all([...document.images].map(
        i => i.decode().then(() => i.naturalWidth > 0).catch(() => false)))"""
    decoded = browser.run(script)
    assert len(decoded) > 12
    assert all(decoded)


def test_what_is_wrong_is_found(browser, tmp_path, run):
    """The checks above can fail: an error, a request, and an overflow in a page."""
    page = tmp_path / "page.html"
    shutil.copy(run / "report.html", page)
    text = page.read_text(encoding="utf-8")
    wide = '<div style="width:2000px">x</div><img src="other.png"><script>undefined.x</script>'
    page.write_text(text.replace("<main>", "<main>" + wide), encoding="utf-8")
    browser.open(page, width=360)
    assert any("undefined" in problem for problem in browser.problems)
    assert any("other.png" in problem for problem in browser.problems)  # the page's own policy
    assert browser.run("document.documentElement.scrollWidth") >= 2000
    assert browser.run(OVERFLOWING) != []
