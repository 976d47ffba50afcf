"""The page in a real browser: it shows what the service answers, to the digit."""

from __future__ import annotations

import json
import random
import shlex
from math import prod

import httpx
import pytest

from features.choices import settled
from features.vocabulary import vocabulary

HOST = {"cores": 8, "memory_gb": 32, "network_gbps": 10, "storage_iops": 200000}
OPENING = {"workload": "web.static", **HOST}


def exact(document):
    """The figures of a comparison that the bars must show."""
    return [(p["runtime"], p["retained"], p["interval"]) for p in document["predictions"]]


def drawn(visit):
    return [(row["runtime"], row["retained"], row["interval"]) for row in visit.bars()]


def test_the_bars_are_the_comparison_to_the_digit(visiting):
    visit = visiting().open()
    document = visit.post("/compare", OPENING)
    assert drawn(visit) == exact(document)
    assert [row["runtime"] for row in visit.bars() if row["chosen"]] == ["gvisor"]
    for row in visit.bars():
        shown = float(row["text"].removesuffix("%").strip()) / 100
        assert shown == pytest.approx(row["retained"], abs=0.005)
    lengths = visit.page.eval_on_selector_all(
        "#bars .bar .fill", "bars => bars.map(bar => bar.getBoundingClientRect().width)"
    )
    top = max(1, *(high for _, _, (_, high) in exact(document)))
    cell = visit.page.eval_on_selector("#bars .bar", "svg => svg.getBoundingClientRect().width")
    wanted = [row["retained"] / top * cell for row in visit.bars()]
    assert lengths == pytest.approx(wanted, abs=1)
    assert len(visit.requests) > 20


def test_an_option_changes_the_bars_and_says_where_it_cannot_be(visiting):
    visit = visiting().open()
    before = {row["runtime"]: row["retained"] for row in visit.bars()}
    visit.acts(lambda: visit.page.select_option("#with-syscall_boundary", "ptrace"))
    after = {row["runtime"]: row["retained"] for row in visit.bars()}
    asked = {**OPENING, "mechanisms": {"syscall_boundary": "ptrace"}}
    assert drawn(visit) == exact(visit.post("/compare", asked))
    assert after["gvisor"] < before["gvisor"]
    visit.acts(lambda: visit.page.select_option("#runtime", "vm"))
    assert "Left out for vm" in visit.text("#with-syscall_boundary-about")
    assert "cannot have syscall_boundary=ptrace" in visit.text("#warning")
    visit.acts(lambda: visit.page.click("#mechanisms-reset"))
    assert {row["runtime"]: row["retained"] for row in visit.bars()} == before


def test_an_error_is_told_in_words_at_its_field(visiting):
    visit = visiting().open()
    visit.expected = ("422",)
    visit.acts(lambda: visit.page.fill("#cores", "-3"), "failed")
    said = "must be 1 to 4096, not -3"
    assert said in visit.text("#failure")
    assert said in visit.text("#cores-problem")
    assert visit.page.get_attribute("#cores", "aria-invalid") == "true"
    visit.page.focus("#memory_gb")
    visit.acts(lambda: visit.page.keyboard.type("e"), "failed")
    assert "a number is needed" in visit.text("#memory_gb-problem")
    visit.acts(lambda: visit.page.fill("#memory_gb", "32"), "failed")
    visit.acts(lambda: visit.page.fill("#cores", "4"))
    assert visit.page.is_hidden("#failure")
    assert visit.page.get_attribute("#cores", "aria-invalid") is None
    assert drawn(visit) == exact(visit.post("/compare", {**OPENING, "cores": 4}))


WRONG_LINKS = {
    "#workload=databse.kv&runtime=vm": "did you mean database",
    "#workload=web&runtime=vmm": "unknown runtime 'vmm'",
    "#workload=web&runtime=vm&cores=many": "a number is needed, not a text",
    "#workload=web&runtime=vm&with=page_size%3D3m": "unknown page_size '3m'",
    '#workload=web&runtime=vm&observed={"runtime":"vm"}': "observations[0]",
}


def test_a_wrong_link_is_told_and_a_right_one_followed(visiting):
    visit = visiting()
    visit.expected = ("422",)
    visit.open("#workload=webb&runtime=vm", "failed")
    assert "did you mean web" in visit.text("#failure")

    def follow(link: str, state: str) -> None:
        go = "link => { window.location.hash = link; }"
        visit.acts(lambda: visit.page.evaluate(go, link), state)

    for link, said in WRONG_LINKS.items():
        follow(link, "failed")
        assert said in visit.text("#failure")
    follow("#workload=web&runtime=vm", "ready")
    assert visit.page.is_hidden("#failure")
    assert visit.page.input_value("#workload") == "web"
    assert drawn(visit) == exact(visit.post("/compare", {"workload": "web"}))


def test_a_service_that_is_gone_is_told(visiting):
    visit = visiting().open()
    visit.expected = ("net::ERR_FAILED",)
    visit.page.route("**/compare", lambda route: route.abort())
    visit.acts(lambda: visit.page.fill("#cores", "4"), "failed")
    assert "does not answer" in visit.text("#failure")


def test_a_shared_link_restores_all(visiting):
    visit = visiting().open()
    visit.acts(lambda: visit.page.select_option("#workload", "database.sql"))
    visit.acts(lambda: visit.page.select_option("#runtime", "vm"))
    visit.acts(lambda: visit.page.fill("#storage_iops", ""))
    visit.acts(lambda: visit.page.select_option("#with-network_path", "sr-iov"))
    visit.acts(lambda: visit.page.select_option("#level", "0.8"))
    visit.acts(lambda: visit.page.click("[data-axis=network_gbps]"))
    visit.acts(lambda: observe(visit, "0.7"))
    visit.page.fill("#native_value", "900")
    visit.acts(lambda: visit.page.fill("#unit", "tx/s & more"))
    other = visiting().open(visit.page.url.partition("/explorer/")[2])
    assert drawn(other) == drawn(visit)
    assert other.page.inner_text("#observations") == visit.page.inner_text("#observations")
    for name in ("workload", "runtime", "cores", "storage_iops", "with-network_path", "level"):
        assert other.page.input_value(f"#{name}") == visit.page.input_value(f"#{name}")
    assert other.page.input_value("#unit") == "tx/s & more"
    assert other.page.get_attribute("[data-axis=network_gbps]", "aria-pressed") == "true"
    table = visit.page.text_content("#sweep-table")
    assert "Gbit/s" in table
    assert other.page.text_content("#sweep-table") == table
    # What is asked stands behind '#', so no server's log has it.
    assert not any("database.sql" in url for url in other.requests if "#" not in url)


def observe(visit, share: str) -> None:
    visit.page.fill("#observe-value", share)
    visit.page.click("#observe button[type=submit]")


def test_an_own_measurement_moves_the_bars_and_goes_again(visiting):
    visit = visiting().open()
    before = drawn(visit)
    visit.page.fill("#observe-value", "3000")
    visit.page.fill("#observe-baseline", "12000")
    visit.page.click("#observe button[type=submit]")
    assert "unit is missing" in visit.text("#observe-complaint")
    visit.page.fill("#observe-unit", "requests/s")
    visit.acts(lambda: visit.page.click("#observe button[type=submit]"))
    own = {"runtime": "gvisor", **OPENING, "value": 3000, "baseline_value": 12000}
    own["unit"] = "requests/s"
    document = visit.post("/compare", {**OPENING, "observations": [own]})
    assert drawn(visit) == exact(document)
    moved = {row["runtime"]: row for row in visit.bars()}
    assert {name: row["before"] for name, row in moved.items()} == {n: r for n, r, _ in before}
    assert abs(moved["gvisor"]["retained"] - 0.25) < abs(moved["gvisor"]["before"] - 0.25)
    mark = visit.page.locator("#bars tr[data-runtime=gvisor] .before-point")
    assert mark.get_attribute("visibility") == "visible"
    assert "your own measurement" in visit.text("#evidence")
    visit.acts(lambda: visit.page.click("#observations button"))
    assert drawn(visit) == before
    assert {row["before"] for row in visit.bars()} == {None}


def test_the_waterfall_multiplies_to_the_answer_and_names_its_sources(visiting):
    visit = visiting().open()
    visit.page.focus("#bars tr[data-runtime=vm] button")
    visit.acts(lambda: visit.page.keyboard.press("Enter"))
    predictions = visit.post("/compare", OPENING)["predictions"]
    record = next(p for p in predictions if p["runtime"] == "vm")
    rows = visit.page.locator("#waterfall tbody tr")
    factors = rows.evaluate_all(
        "rows => rows.map(row => row.dataset.factor).filter(f => f !== undefined).map(Number)"
    )
    assert factors == [*(part["factor"] for part in record["parts"]), record["residual_factor"]]
    assert prod(factors) == pytest.approx(record["retained"])
    assert rows.locator("data").last.get_attribute("value") == repr(record["retained"])
    names = visit.page.locator("#waterfall button.part").all_inner_texts()
    assert names == [*(part["name"] for part in record["parts"]), "learned from measurements"]
    for place, part in enumerate(record["parts"]):
        visit.page.locator("#waterfall button.part").nth(place).focus()
        told = visit.text("#tooltip")
        assert part["source"] in told
        assert all(name in told for name in part["formula"].split(", "))
    assert visit.page.get_attribute("#waterfall button.part:focus", "aria-describedby") == "tooltip"
    visit.page.keyboard.press("Escape")
    assert visit.page.is_hidden("#tooltip")
    visit.page.locator("#waterfall button.part").first.hover()
    assert visit.page.is_visible("#tooltip")


def test_the_sweep_is_a_list_of_predictions(visiting):
    visit = visiting().open()
    for axis in ("cores", "storage_iops"):
        visit.acts(lambda axis=axis: visit.page.click(f"[data-axis={axis}]"))
        rows = visit.page.eval_on_selector_all(
            "#sweep-table tr[data-at]", "rows => rows.map(r => [r.dataset.at, r.dataset.retained])"
        )
        assert len(rows) >= 9
        asked = [{"runtime": "gvisor", **OPENING, axis: float(at)} for at, _ in rows]
        answers = visit.post("/predict", asked)
        assert [float(kept) for _, kept in rows] == [a["retained"] for a in answers]
        told = {e["citation"] for answer in answers for e in answer["evidence"]}
        shown = visit.page.text_content("#sweep-table")
        assert told
        assert all(citation in shown for citation in told)
        points = visit.page.locator("#sweep .measured").count()
        assert points == visit.page.locator("#sweep-table tr.measurement").count()
    visit.acts(lambda: visit.page.click("[data-axis=page_size]"))
    sizes = visit.page.locator("#sweep-table tr[data-at] th").all_text_contents()
    assert sizes == ["4k", "2m"]


def test_the_sweep_is_walked_by_keys(visiting):
    visit = visiting().open()
    visit.page.focus("#sweep")
    assert visit.page.get_attribute("#sweep", "aria-valuetext").startswith("8 cores")
    visit.page.keyboard.press("ArrowRight")
    assert visit.page.get_attribute("#sweep", "aria-valuetext").startswith("16 cores")
    assert visit.text("#sweep-readout").startswith("16 cores: keeps")
    visit.acts(lambda: visit.page.keyboard.press("Enter"))
    assert visit.page.input_value("#cores") == "16"
    assert drawn(visit) == exact(visit.post("/compare", {**OPENING, "cores": 16}))


def test_evidence_is_cited_and_extrapolation_is_plain(visiting):
    visit = visiting().open()
    predictions = visit.post("/compare", OPENING)["predictions"]
    doubted = next(p for p in predictions if p["novelty"]["extrapolating"])
    visit.acts(lambda: visit.page.click(f"#bars tr[data-runtime={doubted['runtime']}]"))
    assert "Extrapolated" in visit.text("#warning")
    for reason in doubted["novelty"]["reasons"]:
        assert reason in visit.text("#warning")
    assert "extrapolated" in visit.text(f"#bars tr[data-runtime={doubted['runtime']}] .tag")
    cited = visit.text("#evidence")
    assert doubted["evidence"]
    assert all(item["citation"] in cited for item in doubted["evidence"])
    visit.acts(lambda: visit.page.click("#bars tr[data-runtime=native]"))
    assert "Extrapolated" not in visit.page.inner_text("#warning")
    assert "bare metal is the yardstick" in visit.text("#evidence-about")


def test_the_copied_commands_ask_the_same(visiting):
    visit = visiting(permissions=["clipboard-read", "clipboard-write"])
    visit.open(
        "#workload=web&runtime=vm&cores=8&native_value=9&with=network_path%3Dsr-iov&unit=it%27s"
    )
    answers = {}
    for what in ("compare", "predict", "sweep"):
        visit.page.click(f"[data-curl={what}]")
        visit.page.wait_for_function("() => document.activeElement.textContent === 'Copied'")
        command = visit.page.evaluate("navigator.clipboard.readText()")
        words = shlex.split(command.replace("\\\n", " "))
        assert words[:2] == ["curl", "-s"]
        answer = httpx.post(words[2], json=json.loads(words[words.index("-d") + 1]), timeout=20)
        assert answer.status_code == 200
        answers[what] = answer.json()
    assert drawn(visit) == exact(answers["compare"])
    assert answers["predict"]["unit"] == "it's"
    kept = [p["retained"] for p in answers["compare"]["predictions"] if p["runtime"] == "vm"]
    assert kept == pytest.approx([answers["predict"]["retained"]])
    rows = visit.page.eval_on_selector_all(
        "#sweep-table tr[data-at]", "rows => rows.map(row => Number(row.dataset.retained))"
    )
    assert rows == [record["retained"] for record in answers["sweep"]]


def test_an_overtaken_answer_is_not_drawn(visiting):
    visit = visiting().open()
    held = []

    def hold_first(route):
        if held:
            route.continue_()
        else:
            held.append(route)

    visit.page.route("**/compare", hold_first)
    visit.page.fill("#cores", "2")
    visit.page.wait_for_timeout(100)
    visit.acts(lambda: visit.page.fill("#cores", "64"))
    assert len(held) == 1
    assert drawn(visit) == exact(visit.post("/compare", {**OPENING, "cores": 64}))


def test_a_key_is_asked_for_sent_and_kept_in_the_tab(visiting):
    visit = visiting(permissions=["clipboard-read", "clipboard-write"])
    visit.expected = ("401",)
    failure = {"error": {"code": "unauthorized", "message": "a key is needed", "details": []}}
    sent = []

    def guarded(route):
        sent.append(route.request.headers.get("authorization"))
        if sent[-1] == "Bearer open-sesame":
            route.continue_()
        else:
            route.fulfill(status=401, json=failure)

    for path in ("vocabulary", "compare", "predict"):
        visit.page.route(f"**/{path}", guarded)
    visit.page.goto(f"{visit.address}/explorer/")
    visit.page.wait_for_selector("#key-dialog[open]")
    visit.page.fill("#key", "wrong")
    visit.page.click("#key-form button[type=submit]")
    visit.page.wait_for_function(
        "() => document.getElementById('key-about').textContent.includes('not accepted')"
    )
    visit.page.fill("#key", "open-sesame")
    visit.page.keyboard.press("Enter")
    visit.settle()
    assert sent[:2] == [None, "Bearer wrong"]
    assert visit.page.is_hidden("#key-dialog")
    assert drawn(visit) == exact(visit.post("/compare", OPENING))
    visit.page.reload()
    visit.settle()
    assert sent[-1] == "Bearer open-sesame"
    visit.page.click("[data-curl=compare]")
    visit.page.wait_for_function("() => document.activeElement.textContent === 'Copied'")
    command = visit.page.evaluate("navigator.clipboard.readText()")
    assert "$NEARMETAL_API_KEY" in command
    assert "sesame" not in command + visit.page.url


def test_an_option_is_settled_as_the_service_settles_it(visiting):
    """The page's rule for one runtime is that of features.choices.settled."""
    words = vocabulary()
    chance = random.Random(5)
    cases = []
    for _ in range(400):
        keys = chance.sample(list(words.mechanisms), chance.randint(0, 6))
        given = {key: chance.choice(words.mechanisms[key].values) for key in keys}
        cases.append((chance.choice(list(words.runtimes)), given))
    visit = visiting().open()
    found = visit.page.evaluate(
        """async cases => {
          const { settled } = await import("./choices.js");
          const words = await (await fetch("../vocabulary")).json();
          return cases.map(([runtime, given]) => {
            const { kept, dropped } = settled(words, runtime, given);
            return [kept, Object.keys(dropped)];
          });
        }""",
        cases,
    )
    dropping = 0
    for (runtime, given), (kept, dropped) in zip(cases, found, strict=True):
        wanted, gone = settled(runtime, given)
        assert kept == wanted
        assert set(dropped) == set(gone)
        dropping += bool(gone)
    assert dropping > 50
