"""Who may ask a viewer on this machine, and what a browser may do with its page."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sim_economy.api.app import create_app
from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.api.page_files import POLICY
from sim_economy.api.worlds import Worlds
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine
from tests.viewer.ledgers import Viewer, played

PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture(scope="module", params=["viewer", "engine", "engine with tokens"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """Each server that has the page, before it has a world or on a ledger."""
    folder = tmp_path_factory.mktemp("guards")
    if request.param == "viewer":
        return Viewer.of(played(folder / "run.sqlite", "as-run", turns=2)).client
    engine = Engine.open(folder / "world.db", Access(tokens=request.param != "engine"))
    app = create_app(Worlds(engine, ConnectionLimits(), local=True))
    return TestClient(app, base_url="http://127.0.0.1:9000")


def test_the_page_and_its_files_come_with_a_strict_policy(client: TestClient) -> None:
    page = client.get("/", headers=PAGE)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    files = ["app.js", "viewer.css", "icon.svg", "vendor/preact.min.umd.js"]
    for answer in (page, *(client.get(f"/view/static/{name}") for name in files)):
        assert answer.status_code == 200, answer.url
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
    assert "unsafe" not in POLICY
    assert "frame-ancestors 'none'" in POLICY


def test_a_file_that_a_browser_has_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/view/static/app.js")
    again = client.get("/view/static/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    weak = client.get("/", headers={**PAGE, "If-None-Match": '"other", W/"another"'})
    assert weak.status_code == 200
    etag = weak.headers["etag"]
    assert client.get("/", headers={**PAGE, "If-None-Match": f"W/{etag}"}).status_code == 304


@pytest.mark.parametrize(
    "name",
    [
        "../answers.py",
        "..%2Fanswers.py",
        "%2e%2e/answers.py",
        "/etc/passwd",
        "none.js",
        "",
        "vendor",
    ],
)
def test_no_other_file_is_served(client: TestClient, name: str) -> None:
    assert client.get(f"/view/static/{name}").status_code == 404


def test_what_a_page_of_another_site_asks_for_is_refused(client: TestClient) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        for path in ("/view/catalogue", "/view/overview", "/events"):
            answer = client.get(path, headers=headers)
            assert answer.status_code in {401, 403, 409} or path == "/view/catalogue", path
            assert "run.sqlite" not in answer.text


def test_a_link_of_another_site_leads_to_the_page(client: TestClient) -> None:
    visit = {**PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=visit).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "192.0.2.1:9000", "127.0.0.1.evil.example"])
def test_a_name_that_is_not_this_machines_is_refused_where_no_token_is_asked_for(
    tmp_path: Path, host: str
) -> None:
    viewer = Viewer.of(played(tmp_path / "run.sqlite", "as-run", turns=2))
    for path in ("/", "/view/static/app.js", "/view/catalogue", "/view/overview", "/events"):
        answer = viewer.client.get(path, headers={**PAGE, "Host": host})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_host")


def test_a_program_keeps_its_404_at_the_root_of_an_engine(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "world.db")
    client = TestClient(create_app(Worlds(engine, ConnectionLimits())))
    for headers in ({"Accept": "application/json"}, {"Accept": "*/*"}):
        answer = client.get("/", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "path_unknown")


def test_an_engine_without_a_world_says_what_to_do(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "world.db")
    app = create_app(Worlds(engine, ConnectionLimits(), local=True))
    client = TestClient(app, base_url="http://127.0.0.1:9000")
    found = client.get("/view/catalogue").json()
    assert (found["worlds"], "POST /init" in found["answer"]) == ([], True)
    refused = client.get("/view/overview")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "world_missing")
    client.post("/init", json={"config": {}})
    assert client.get("/view/overview").json()["agents"] == 8
    client.post("/turn", json={"inputs": []})
    assert client.get("/view/overview").json()["turn"] == 1
    engine.close()


def test_an_engine_with_tokens_tells_nobody_what_it_holds(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "private-name.db", Access(tokens=True))
    client = TestClient(create_app(Worlds(engine, ConnectionLimits())))
    started = client.post("/init", json={"config": {}}).json()
    found = client.get("/view/catalogue")
    assert "private-name" not in found.text
    assert found.json()["asks_token"] is True
    bearer = {"Authorization": f"Bearer {started['reader_token']}"}
    parameters = client.get("/view/overview", headers=bearer).json()["parameters"]
    assert not {"seed", "secret"} & {fact["name"] for fact in parameters}
    assert engine.started().config.secret not in client.get("/view/overview", headers=bearer).text
    engine.close()


def test_nothing_of_a_viewer_is_written(tmp_path: Path) -> None:
    viewer = Viewer.of(played(tmp_path / "run.sqlite", "as-run", turns=2))
    for path in ("/", "/view/catalogue", "/view/overview", "/init", "/turn"):
        assert viewer.client.post(path, json={}).status_code in {404, 405}
