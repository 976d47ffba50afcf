"""A profile of the caller's own program on the page: picked or dropped, asked with, refused."""

from __future__ import annotations

import json

from tests.serving.explorer.test_explorer import HOST, drawn, exact, observe

# As `nearmetal profile` wrote it of nginx.
PROFILE = {
    "format": 1,
    "program": "/usr/sbin/nginx -c /etc/secret.conf",
    "operations": 43000.0,
    "demands": {
        "op_us": 31.5,
        "calls": 3.1,
        "file_calls": 2.0,
        "open_calls": 1.0,
        "socket_calls": 3.0,
        "packets": 2.0,
        "cpu": 0.62,
        "memory": 0.0,
        "network": 0.38,
        "storage": 0.0,
        "working_set_gb": 0.0061,
    },
}
ASKED = {"demands": PROFILE["demands"], **HOST}
FOREIGN = {
    "": "is not JSON",
    '{"demands": {"op_us": NaN}}': "is not JSON",
    "[1]": "has no demands",
    '{"name": "a package", "version": "1.0"}': "unknown demand 'name'",
    '{"format": 9, "demands": {"op_us": 1}}': "another format than 1",
    '{"demands": {"op_ms": 1}}': "unknown demand 'op_ms'",
    '{"demands": {"op_us": -1}}': "must be 0.001 to 1000000000, not -1",
    '{"demands": {"op_us": "1"}}': "is no number",
    " " * 1024**2 + "{}": "too large",
}


def picked(text: str, name: str = "profile.json") -> dict:
    return {"name": name, "mimeType": "application/json", "buffer": text.encode()}


def pick(visit, text: str) -> None:
    visit.page.set_input_files("#profile-file", picked(text))


def drop(visit, text: str) -> None:
    visit.page.evaluate(
        """text => {
          const data = new DataTransfer();
          data.items.add(new File([text], "dropped.json", { type: "application/json" }));
          const place = document.querySelector("#workload-about");
          const event = { dataTransfer: data, bubbles: true, cancelable: true };
          place.dispatchEvent(new DragEvent("dragover", event));
          place.dispatchEvent(new DragEvent("drop", event));
        }""",
        text,
    )


def test_a_profile_is_asked_with_and_outlives_a_reload(visiting):
    visit = visiting().open()
    named = drawn(visit)
    visit.acts(lambda: pick(visit, json.dumps(PROFILE)))
    wanted = exact(visit.post("/compare", ASKED))
    assert wanted != named
    assert drawn(visit) == wanted
    about = visit.text("#workload-about")
    assert "nginx asks per operation for 31.5 µs of processor time, 9.1 system calls" in about
    assert "11 demands from its profile" in about
    assert visit.page.locator("#workload option:checked").inner_text() == "your own: nginx"
    assert visit.text("#bars-about").startswith("nginx,")
    rows = visit.page.eval_on_selector_all(
        "#sweep-table tr[data-at]", "rows => rows.map(r => [r.dataset.at, r.dataset.retained])"
    )
    asked = [{"runtime": "gvisor", **ASKED, "cores": float(at)} for at, _ in rows]
    kept = [float(kept) for _, kept in rows]
    assert kept == [answer["retained"] for answer in visit.post("/predict", asked)]
    # A link tells the program and not the words behind it, which may be secret.
    assert "secret" not in visit.page.url
    visit.page.reload()
    visit.settle()
    assert drawn(visit) == wanted
    assert visit.text("#workload-about") == about
    # What is measured of it is measured with its demands.
    visit.acts(lambda: observe(visit, "0.3"))
    own = {"runtime": "gvisor", **ASKED, "retained": 0.3}
    assert drawn(visit) == exact(visit.post("/compare", {**ASKED, "observations": [own]}))
    visit.acts(lambda: visit.page.click("#observations button"))
    visit.acts(lambda: visit.page.click("#profile-away"))
    assert drawn(visit) == named
    assert visit.page.input_value("#workload") == "web.static"
    assert "demands" not in visit.page.url
    visit.acts(lambda: drop(visit, json.dumps(PROFILE["demands"])))
    assert drawn(visit) == wanted
    assert "your program asks" in visit.text("#workload-about")
    visit.acts(lambda: visit.page.select_option("#workload", "web"))
    assert drawn(visit) == exact(visit.post("/compare", {"workload": "web", **HOST}))


def test_a_foreign_file_is_refused_in_a_line(visiting):
    visit = visiting().open()
    before, address = drawn(visit), visit.page.url
    for text, said in FOREIGN.items():
        for give in (pick, drop):
            visit.page.evaluate("document.getElementById('profile-complaint').textContent = ''")
            give(visit, text)
            visit.page.wait_for_function(
                "said => document.getElementById('profile-complaint').textContent.includes(said)",
                arg=said,
            )
            assert "\n" not in visit.text("#profile-complaint")
    assert (drawn(visit), visit.page.url) == (before, address)
    visit.acts(lambda: pick(visit, json.dumps(PROFILE)))
    assert visit.text("#profile-complaint") == ""


def test_a_link_with_a_wrong_profile_is_told(visiting):
    visit = visiting()
    visit.expected = ("422",)
    visit.open('#runtime=vm&demands={"op_ms":1}', "failed")
    assert "did you mean op_us" in visit.text("#failure")
    visit.acts(lambda: visit.page.evaluate("window.location.hash = '#demands=5'"), "failed")
    assert "a JSON object is needed" in visit.text("#failure")
