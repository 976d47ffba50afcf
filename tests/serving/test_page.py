"""The page's files and its vocabulary: what is served, under which policy, with which licences."""

from __future__ import annotations

import hashlib
import re

import pytest

from features.scenario import HOST_RANGES
from features.vocabulary import vocabulary
from serving.page import FOLDER, POLICY, is_page, page_routes

FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file())


def address(name: str) -> str:
    return "/explorer/" if name == "index.html" else f"/explorer/{name}"


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_served_as_it_is_under_the_policy(client, name):
    response = client.get(address(name))
    assert response.status_code == 200
    assert response.content == (FOLDER / name).read_bytes()
    assert response.headers["content-security-policy"] == POLICY
    assert response.headers["x-content-type-options"] == "nosniff"
    again = client.get(address(name), headers={"if-none-match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_policy_lets_nothing_in_from_elsewhere():
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


def test_the_page_is_found_without_its_slash_and_under_a_prefix(client):
    response = client.get("/explorer", follow_redirects=False)
    assert response.status_code == 307
    assert response.headers["location"] == "explorer/"
    assert is_page("/explorer")
    assert is_page("/explorer/main.js")
    assert not is_page("/explorers")


@pytest.mark.parametrize(
    "path", ["/explorer/nope.js", "/explorer/../page.py", "/explorer/%2e%2e/page.py"]
)
def test_nothing_else_is_served(client, path):
    assert client.get(path).status_code == 404


def test_the_front_page_names_the_page_and_not_its_files(client):
    paths = client.get("/").json()["paths"]
    assert {"/explorer/", "/vocabulary"} <= set(paths)
    assert not [path for path in paths if path.endswith(".js")]


def test_a_file_of_no_known_kind_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "notes.bak").write_text("not meant to be served")
    monkeypatch.setattr("serving.page.FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"notes\.bak"):
        page_routes()


def test_nothing_of_the_page_names_another_origin():
    own = [name for name in FILES if not name.startswith("vendor/")]
    assert len(own) > 20
    for name in own:
        text = (FOLDER / name).read_text(encoding="utf-8")
        found = set(re.findall(r"https?://[^\s\"'`)]+", text))
        assert found <= {"http://www.w3.org/2000/svg"}, name
        assert "innerHTML" not in text, name
        assert " style=" not in text, name


def test_each_module_of_the_page_is_small():
    for name in FILES:
        if name.endswith(".js") and not name.startswith("vendor/"):
            assert len((FOLDER / name).read_text(encoding="utf-8").splitlines()) <= 320, name


def test_what_others_made_stands_with_its_licence_unchanged():
    about = (FOLDER / "vendor" / "ABOUT.txt").read_text(encoding="utf-8")
    sums = dict(re.findall(r"^(\S+/\S+)\n(?:  .*\n)*?  sha256 (\w{64})$", about, re.M))
    vendored = {n for n in FILES if n.startswith("vendor/") and not n.endswith(".txt")}
    assert {f"vendor/{name}" for name in sums} == vendored
    for name, wanted in sums.items():
        path = FOLDER / "vendor" / name
        assert hashlib.sha256(path.read_bytes()).hexdigest() == wanted
        assert (path.parent / "LICENSE.txt").stat().st_size > 500


def test_the_vocabulary_is_all_that_a_scenario_may_say(client):
    document = client.get("/vocabulary").json()
    words = vocabulary()
    assert [r["name"] for r in document["runtimes"]] == list(words.runtimes)
    assert [w["name"] for w in document["workloads"]] == list(words.workloads)
    values = {m["key"]: [v["value"] for v in m["values"]] for m in document["mechanisms"]}
    assert values == {m.key: list(m.values) for m in words.mechanisms.values()}
    assert {f["name"]: (f["low"], f["high"]) for f in document["host"]} == dict(HOST_RANGES)
    gvisor = next(r for r in document["runtimes"] if r["name"] == "gvisor")
    assert gvisor["preset"]["syscall_boundary"] == "systrap"
    assert set(gvisor["allowed"]["syscall_boundary"]) == {"systrap", "ptrace", "kvm"}
    assert len(document["pairs"]) == len(words.pairs)
    assert any(f["form"] for f in document["formulas"])


def test_the_vocabulary_is_described(client):
    document = client.get("/docs.json").json()
    assert {"/vocabulary", "/explorer/"} <= document["paths"].keys()
    schema = document["components"]["schemas"]["Vocabulary"]
    assert set(schema["required"]) == client.get("/vocabulary").json().keys()


def test_the_vocabulary_needs_no_model(client_without_model):
    assert client_without_model.get("/vocabulary").status_code == 200
    assert client_without_model.get("/explorer/").status_code == 200
