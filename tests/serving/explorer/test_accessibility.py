"""The page for everyone: axe-core finds nothing serious, keys suffice, a small screen too."""

from __future__ import annotations

import pytest

from tests.serving.explorer.browser import AXE

OWN = 'observed={"runtime":"vm","workload":"web","retained":0.7}'
FULL = f"#workload=web&runtime=sgx&cores=8&with=network_path%3Dsr-iov&axis=network_gbps&{OWN}"
SMALL = {"width": 390, "height": 800}


def findings(visit) -> list[str]:
    """What axe-core finds that is serious or worse."""
    result = visit.page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
          .filter(found => ["serious", "critical"].includes(found.impact))
          .map(found => `${found.id}: ${found.nodes.map(node => node.html).slice(0, 3)}`)"""
    )
    assert visit.page.evaluate("axe.version")
    return result


def everything_open(visit) -> None:
    visit.page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visiting, scheme):
    visit = visiting(color_scheme=scheme)
    visit.expected = ("422",)
    visit.context.add_init_script(AXE.read_text(encoding="utf-8"))
    visit.open(FULL)
    everything_open(visit)
    visit.page.locator("#waterfall button.part").first.focus()
    assert findings(visit) == []
    visit.page.set_viewport_size(SMALL)
    assert findings(visit) == []
    visit.acts(lambda: visit.page.fill("#cores", "-3"), "failed")
    # What is pale then is the last answer, no longer true.
    assert [found for found in findings(visit) if not found.startswith("color-contrast")] == []
    visit.page.evaluate("document.getElementById('key-dialog').showModal()")
    assert findings(visit) == []


def test_a_small_screen_is_not_scrolled_sideways(visiting):
    visit = visiting(viewport=SMALL)
    visit.expected = ("422",)
    visit.open(FULL)
    everything_open(visit)
    wide = "document.documentElement.scrollWidth"
    assert visit.page.evaluate(wide) <= 390
    for axis in ("page_size", "storage_iops"):
        visit.acts(lambda axis=axis: visit.page.click(f"[data-axis={axis}]"))
        assert visit.page.evaluate(wide) <= 390
    visit.acts(lambda: visit.page.fill("#cores", "-3"), "failed")
    assert visit.page.evaluate(wide) <= 390


def test_keys_alone_reach_every_control(visiting):
    visit = visiting().open()
    wanted = visit.page.eval_on_selector_all(
        "button, input, select, summary, a, [tabindex='0']",
        """all => all.filter(one => one.checkVisibility({visibilityProperty: true}))
          .map((one, place) => { one.dataset.place = place; return place; })""",
    )
    reached = set()
    for _ in range(len(wanted) + 5):
        visit.page.keyboard.press("Tab")
        reached.add(visit.page.evaluate("Number(document.activeElement.dataset?.place ?? -1)"))
    assert len(wanted) > 40
    assert set(wanted) <= reached


def test_the_theme_follows_the_system_until_it_is_chosen(visiting):
    visit = visiting(color_scheme="dark").open()
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = visit.page.evaluate(ground)
    visit.page.click("#theme")
    assert visit.text("#theme") == "Theme: light"
    light = visit.page.evaluate(ground)
    assert light != dark
    visit.page.reload()
    visit.settle()
    assert visit.page.evaluate(ground) == light
    visit.page.click("#theme")
    assert visit.page.evaluate(ground) == dark
    visit.page.emulate_media(color_scheme="light")
    assert visit.page.evaluate(ground) == dark


def test_what_changed_is_announced(visiting):
    visit = visiting().open()
    visit.acts(lambda: visit.page.select_option("#runtime", "vm"))
    visit.page.wait_for_function(
        "() => document.getElementById('announcement').textContent.startsWith('vm keeps')"
    )
