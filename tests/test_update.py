"""Fetching knowledge: all or nothing, from made-up servers and folders, never the real network."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from samehand.errors import ConfigError, InputError, UsageError
from samehand.knowledge import attack, cache, sources, update, update_check
from samehand.knowledge.sources import MANIFEST, Sources, package_folder
from test_attack import bundle, collection, relation, stix

#: What most tests fetch: one bundle and one galaxy, small ones.
NAMES = ("attack/enterprise-attack.json", "galaxies/threat-actor.json")
TODAY = date(2026, 11, 25)
#: The made-up files are smaller than what is bundled, which the guard exists to refuse.
NO_FLOOR = 0.0


def uid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def galaxy(*names: str, version: int = 400, **more: object) -> bytes:
    values = [{"value": name, "uuid": uid(n)} for n, name in enumerate(names)]
    head = {"name": "Threat Actor", "uuid": uid(777), "type": "threat-actor", "version": version}
    return json.dumps({**head, "values": values, **more}).encode()


def enterprise(version: str = "19.1", **statuses: str) -> bytes:
    """A bundle of three techniques and a group; statuses by identifier."""
    techniques = [
        stix(
            "attack-pattern", n, i, f"Name of {i}", revoked=statuses.get(i) == "revoked",
            x_mitre_domains=["enterprise-attack"],
        )
        for n, i in enumerate(("T1059", "T1900", "T1901"))
    ]  # fmt: skip
    group = stix("intrusion-set", 9, "G9001", statuses.get("G9001", "Hand"))
    return bundle(
        collection(version),
        *techniques,
        group,
        relation(techniques[2], "revoked-by", techniques[1]),
        relation(group, "uses", techniques[0]),
    )


class Web:
    """A server on this machine that serves what a test puts in, and counts requests."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.actions: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append(self.path)
                if self.path in web.actions:
                    web.actions[self.path](self)
                elif self.path in web.files:
                    body = web.files[self.path]
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                else:
                    self.send_error(404)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    served = Web()
    served.files = {"/enterprise-attack.json": enterprise(), "/threat-actor.json": galaxy("A", "B")}
    try:
        yield served
    finally:
        served.close()


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled galaxies with few values each, which are read in no time."""
    folder = tmp_path_factory.mktemp("galaxies")
    for source in package_folder("pymispgalaxies").glob("*.json"):
        content = json.loads(source.read_text(encoding="utf-8"))
        content["values"] = content["values"][:20]
        (folder / source.name).write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture
def beside_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to update to, with all that is bundled in use before."""
    monkeypatch.setenv("SAMEHAND_CACHE", str(tmp_path / "cache"))
    (tmp_path / "beside").mkdir()
    return tmp_path / "beside" / "knowledge"


@pytest.fixture
def target(beside_all: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to update to, with little in use before."""
    monkeypatch.setattr(sources, "package_folder", lambda name: few)
    return beside_all


def run(target: Path, origin: str, **more: Any) -> update.UpdateResult:
    settings: dict[str, Any] = {"names": NAMES, "floor": NO_FLOOR, "today": TODAY}
    waited: list[float] = []
    settings["sleep"] = waited.append
    # The made-up galaxy has another UUID than the bundled one, but its name.
    return update.fetch(target, origin=origin, **{**settings, **more})


def beside(target: Path) -> list[str]:
    return sorted(p.name for p in target.parent.iterdir())


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# --- what goes well -------------------------------------------------------------------------------


def test_update_puts_files_and_manifest_in_place(web: Web, target: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    result = run(target, web.address, progress=lambda *row: seen.append(row))
    assert beside(target) == ["knowledge"]
    assert snapshot(target).keys() == {*NAMES, MANIFEST}
    assert (target / NAMES[0]).read_bytes() == web.files["/enterprise-attack.json"]
    rows = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["files"]
    for row, version in zip(rows, ("19.1", "400"), strict=True):
        data = (target / row["name"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(data).hexdigest()
        assert (row["version"], row["retrieved"]) == (version, "2026-11-25")
        assert row["url"] == f"{web.address}/{Path(row['name']).name}"
    size = len(web.files["/enterprise-attack.json"])
    assert (NAMES[0], size, size) in seen
    assert result.previous is None
    assert [f.new for f in result.files] == ["19.1", "400"]
    assert update.verify(target) == []
    assert {p.name for p in target.parent.iterdir()} == {"knowledge"}


def test_program_then_reads_what_was_fetched(web: Web, beside_all: Path) -> None:
    run(beside_all, web.address)
    try:
        cache.select(beside_all)
        assert attack.techniques()["T1900"].name == "Name of T1900"
        assert attack.groups()["G9001"].techniques == ("T1059",)
        assert attack.version().startswith("ATT&CK v19.1 of 2026-04-28 (enterprise); MISP")
        assert cache.sources().galaxy("threat-actor") == beside_all / NAMES[1]
        # A second update of the folder in use is seen at once.
        web.files["/enterprise-attack.json"] = enterprise("19.2", G9001="Renamed Hand")
        run(beside_all, web.address)
        assert attack.groups()["G9001"].name == "Renamed Hand"
        assert "v19.2" in attack.version()
    finally:
        cache.select(None)
    assert "T1900" not in attack.techniques()


def test_second_update_says_what_changed_and_keeps_the_first(web: Web, target: Path) -> None:
    run(target, web.address)
    first = snapshot(target)
    more_names = [f"C{n:02}" for n in range(25)]
    web.files = {
        "/enterprise-attack.json": enterprise("19.2", T1901="revoked", G9001="New Hand"),
        "/threat-actor.json": galaxy("A", "B renamed", *more_names, version=401),
    }  # fmt: skip
    result = run(target, web.address)
    assert beside(target) == ["knowledge", "knowledge.previous"]
    assert result.previous == target.with_name("knowledge.previous")
    assert snapshot(result.previous) == first
    assert [(f.old, f.new) for f in result.files] == [("19.1", "19.2"), ("400", "401")]
    by_name = {change.what: change for change in result.changes}
    assert by_name["techniques"].revoked.examples == ("T1901 Name of T1901",)
    assert by_name["techniques"].total == 1
    assert by_name["groups"].renamed.examples == ("G9001 Hand → New Hand",)
    actors = by_name["galaxy threat-actor"]
    assert (actors.added.count, len(actors.added.examples)) == (25, 20)
    assert actors.renamed.examples == ("B → B renamed",)
    assert actors.removed.count == 0
    words = "\n".join(result.lines())
    assert "attack/enterprise-attack.json: 19.1 → 19.2" in words
    assert "techniques, 1 revoked: T1901 Name of T1901" in words
    assert "galaxy threat-actor, 25 added: C00; C01;" in words and "; and 5 more" in words
    third = run(target, web.address)
    assert third.changes == () and "no technique, group" in "\n".join(third.lines())
    assert beside(target) == ["knowledge", "knowledge.previous"]


def test_first_update_is_compared_with_what_is_bundled(web: Web, beside_all: Path) -> None:
    web.files["/threat-actor.json"] = galaxy("Lazarus Group", "B")
    result = run(beside_all, web.address)
    old = json.loads(Sources().galaxy("threat-actor").read_text(encoding="utf-8"))
    assert [f.old for f in result.files] == ["", str(old["version"])]
    techniques = next(c for c in result.changes if c.what == "techniques")
    assert "T1900 Name of T1900" in techniques.added.examples
    assert "T1059 Command and Scripting Interpreter → Name of T1059" in techniques.renamed.examples
    assert techniques.deprecated.count > 500  # the made-up bundle has only three techniques
    actors = next(c for c in result.changes if c.what == "galaxy threat-actor")
    assert (actors.added.count, actors.removed.count) == (2, len(old["values"]))


@pytest.mark.parametrize(
    "places",
    [
        ("enterprise-attack.json", "threat-actor.json"),
        ("attack/enterprise-attack.json", "galaxies/threat-actor.json"),
        ("enterprise-attack/enterprise-attack.json", "clusters/threat-actor.json"),
        (
            "mitre-attack/attack-stix-data/master/enterprise-attack/enterprise-attack.json",
            "MISP/misp-galaxy/main/clusters/threat-actor.json",
        ),
        (
            "attack-stix-data/enterprise-attack/enterprise-attack.json",
            "misp-galaxy/clusters/threat-actor.json",
        ),
    ],
)
def test_folder_in_any_layout_serves(target: Path, tmp_path: Path, places: tuple[str, str]) -> None:
    for place, data in zip(places, (enterprise(), galaxy("A")), strict=True):
        (tmp_path / "from" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / place).write_bytes(data)
    run(target, str(tmp_path / "from"))
    assert update.verify(target) == []
    assert (target / NAMES[1]).read_bytes() == galaxy("A")


def test_update_folder_of_another_machine_serves_as_origin(
    web: Web, target: Path, tmp_path: Path
) -> None:
    run(target, web.address)
    run(tmp_path / "copy", str(target))
    assert snapshot(tmp_path / "copy").keys() == snapshot(target).keys()


def test_everything_comes_from_its_publisher_by_default(target: Path) -> None:
    class Recorder(urllib.request.OpenerDirector):
        asked: list[str] = []  # noqa: RUF012

        def open(self, fullurl: Any, data: Any = None, timeout: Any = None) -> Any:
            self.asked.append(fullurl.full_url)
            assert timeout == 30.0
            raise ConnectionRefusedError("refused")

    for name in update.FILES:
        with pytest.raises(InputError):
            update.fetch(target, opener=Recorder(), names=(name,), sleep=lambda _: None)
    raw = "https://raw.githubusercontent.com"
    assert set(Recorder.asked) == {
        *(
            f"{raw}/mitre-attack/attack-stix-data/master/{d}-attack/{d}-attack.json"
            for d in ("enterprise", "mobile", "ics")
        ),
        *(f"{raw}/MISP/misp-galaxy/main/clusters/{g}.json" for g in update.GALAXIES),
    }
    assert len(Recorder.asked) == 3 * len(update.FILES)  # three tries each
    bundled = {p.stem for p in Sources().galaxy("tool").parent.glob("*.json")}
    assert set(update.GALAXIES) <= bundled


# --- what goes wrong: nothing changes -------------------------------------------------------------


@pytest.fixture
def held(web: Web, target: Path) -> dict[str, bytes]:
    """An update folder that is there already; failures must leave it whole."""
    run(target, web.address)
    return snapshot(target)


def refuse(target: Path, held: dict[str, bytes], origin: str, match: str, **more: Any) -> str:
    with pytest.raises(InputError, match=match) as caught:
        run(target, origin, **more)
    assert snapshot(target) == held
    assert beside(target) == ["knowledge"]
    assert "Nothing was changed" in str(caught.value)
    assert "ATT&CK v19.1 of 2026-04-28" in str(caught.value)  # which versions stay in use
    return str(caught.value)


def test_offline_says_what_stays_and_what_to_do(target: Path, held: dict[str, bytes]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    waited: list[float] = []
    origin = f"http://127.0.0.1:{port}"
    said = refuse(target, held, origin, "tried 3 times", sleep=waited.append)
    assert f"{origin}/" in said and "--from FOLDER" in said
    assert waited == [0.5, 2.0]


def test_offline_without_an_update_before_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"MISP galaxy mitre-attack-pattern.*bundled"):
        run(tmp_path / "a" / "b" / "knowledge", "http://127.0.0.1:9")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "not usable"),
        (b"<html>not found</html>", "malformed"),
        (enterprise()[:-20], "not usable"),
        (b'{"type": "bundle", "objects": [{"type": 5}]}', "Expected `str`"),
        (b'{"type": "report", "objects": []}', "not a bundle"),
        (bundle(stix("attack-pattern", 1, "T1900", "N")), "no x-mitre-collection"),
        (bundle(collection("19.1")), "no techniques"),
        (bundle(collection("")), "no x-mitre-collection with a version"),
        (
            bundle(
                collection("19.1"),
                stix("attack-pattern", 1, "T1900", "N", x_mitre_domains=["mobile-attack"]),
            ),
            "not of the domain enterprise",
        ),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested deeper than 32"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 32"),
        (json.dumps({"type": "b" * 1_100_000}).encode(), "string is longer"),
    ],
)
def test_bundle_that_is_none_is_refused(
    web: Web, target: Path, held: dict[str, bytes], data: bytes, match: str
) -> None:
    web.files["/enterprise-attack.json"] = data
    refuse(target, held, web.address, match)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"[]", "not usable"),
        (galaxy(), "list of values is empty"),
        (galaxy(" "), "has no name"),
        (galaxy("A", values=[{"value": "A"}]), "uuid"),
        (galaxy("A", values=[{"value": "A", "uuid": "x"}]), "badly formed"),
        (galaxy("A", version="one"), "version"),
        (galaxy("A", name="Tool", uuid=uid(1)), "it is the galaxy 'Tool', not 'Threat Actor'"),
    ],
)
def test_galaxy_that_is_none_is_refused(
    web: Web, target: Path, held: dict[str, bytes], data: bytes, match: str
) -> None:
    web.files["/threat-actor.json"] = data
    refuse(target, held, web.address, match)


def test_much_smaller_files_are_refused(web: Web, target: Path) -> None:
    web.files["/threat-actor.json"] = galaxy(*"ABCDEFGHIJ")
    run(target, web.address)
    held = snapshot(target)
    web.files["/threat-actor.json"] = galaxy(*"ABCDEFG")
    refuse(target, held, web.address, "holds 7 values where 10 are in use", floor=0.8)
    web.files["/threat-actor.json"] = galaxy(*"ABCDEFGH")
    run(target, web.address, floor=0.8)
    web.files["/enterprise-attack.json"] = enterprise(T1900="revoked", T1901="revoked")
    held = snapshot(target)
    with pytest.raises(InputError, match="holds 1 techniques in force where 3 are in use"):
        run(target, web.address, floor=0.8)
    assert snapshot(target) == held


def test_made_up_bundle_is_refused_beside_what_is_bundled(web: Web, beside_all: Path) -> None:
    with pytest.raises(InputError, match=r"holds 3 techniques where \d{3} are in use"):
        run(beside_all, web.address, floor=update_check.FLOOR)
    assert beside(beside_all) == []


def test_bundled_galaxies_pass_their_own_guard() -> None:
    in_use = update_check.InUse(Sources())
    for name in update.GALAXIES:
        data = Sources().galaxy(name).read_bytes()
        stated = json.loads(data)["version"]
        assert update_check.check(f"galaxies/{name}.json", data, in_use) == str(stated)
    counts = [len(in_use.techniques(d)) for d in ("enterprise", "mobile", "ics")]
    # Enterprise and mobile share one galaxy of 1185 with 174 of PRE-ATT&CK; six are ours.
    assert counts[0] + counts[1] == 1185 - 174 + 6
    assert counts[2] == 78 + 17


def test_too_large_is_refused(web: Web, target: Path, held: dict[str, bytes]) -> None:
    size = len(web.files["/enterprise-attack.json"])
    web.asked.clear()
    refuse(target, held, web.address, "more than the limit", limit_bytes=size - 1)
    assert web.asked.count("/enterprise-attack.json") == 1  # no second try

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b" " * (size + 10))

    web.actions["/enterprise-attack.json"] = endless
    refuse(target, held, web.address, "more than the limit", limit_bytes=size)


def test_too_large_in_a_folder_is_refused(
    target: Path, held: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "threat-actor.json").write_bytes(galaxy("A"))
    refuse(target, held, str(tmp_path), "limit", limit_bytes=10, names=NAMES[1:])


def test_broken_off_transfer_is_tried_again_and_refused(
    web: Web, target: Path, held: dict[str, bytes]
) -> None:
    def half(handler: BaseHTTPRequestHandler) -> None:
        body = web.files["/threat-actor.json"]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])

    web.actions["/threat-actor.json"] = half
    web.asked.clear()
    refuse(target, held, web.address, r"broke off after \d+ of \d+ bytes")
    assert web.asked.count("/threat-actor.json") == 3


def test_server_that_recovers_is_enough(web: Web, target: Path) -> None:
    calls: list[int] = []

    def twice_down(handler: BaseHTTPRequestHandler) -> None:
        calls.append(1)
        if len(calls) < 3:
            handler.send_error(503)
        else:
            del web.actions["/threat-actor.json"]
            handler.do_GET()  # type: ignore[attr-defined]

    web.actions["/threat-actor.json"] = twice_down
    run(target, web.address)
    assert len(calls) == 3 and update.verify(target) == []


def test_forbidden_is_not_tried_again(web: Web, target: Path, held: dict[str, bytes]) -> None:
    web.actions["/threat-actor.json"] = lambda handler: handler.send_error(403)
    web.asked.clear()
    refuse(target, held, web.address, "answers 403")
    assert web.asked.count("/threat-actor.json") == 1


def test_missing_file_is_named(web: Web, target: Path, held: dict[str, bytes]) -> None:
    del web.files["/threat-actor.json"]
    refuse(target, held, web.address, "answers 404")


def test_missing_file_of_a_folder_is_named(
    target: Path, held: dict[str, bytes], tmp_path: Path
) -> None:
    said = refuse(target, held, str(tmp_path), "no such file")
    assert "mobile-attack.json" in said and "malpedia.json" in said  # all that must be there


@pytest.mark.parametrize(
    "elsewhere",
    [
        "file:///etc/hostname",
        "ftp://127.0.0.1/x",
        "https://127.0.0.1/x",  # from http: another scheme
        "http://192.0.2.1/x",  # plain http, not this machine
    ],
)
def test_redirect_elsewhere_is_refused(
    web: Web, target: Path, held: dict[str, bytes], elsewhere: str
) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", elsewhere)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.actions["/threat-actor.json"] = redirect
    refuse(target, held, web.address, "redirects to|answers 302")


def test_redirect_within_is_followed_but_not_for_ever(
    web: Web, target: Path, held: dict[str, bytes]
) -> None:
    def to(place: str) -> Callable[[BaseHTTPRequestHandler], None]:
        def redirect(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", place)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        return redirect

    web.files["/moved.json"] = galaxy("Moved")
    web.actions["/threat-actor.json"] = to("/moved.json")
    run(target, web.address)
    assert (target / NAMES[1]).read_bytes() == galaxy("Moved")
    web.actions["/threat-actor.json"] = to("/threat-actor.json")
    with pytest.raises(InputError, match="answers 302"):
        run(target, web.address)


@pytest.mark.parametrize("moment", ["transfer", "swap"])
def test_interrupted_leaves_everything_as_it_was(
    web: Web, target: Path, held: dict[str, bytes], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(target, web.address)  # so that there is a previous one to lose
    before = snapshot(target), snapshot(target.with_name("knowledge.previous"))
    more: dict[str, Any] = {}
    if moment == "transfer":

        def stop(name: str, done: int, total: int) -> None:
            if name == NAMES[1]:
                raise KeyboardInterrupt

        more["progress"] = stop
    else:
        rename, calls = Path.rename, []

        def interrupted(self: Path, to: Path) -> Path:
            calls.append(to)
            if len(calls) == 3:  # the new folder into the place of the old one
                raise KeyboardInterrupt
            return rename(self, to)

        monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(target, web.address, **more)
    assert beside(target) == ["knowledge", "knowledge.previous"]
    assert (snapshot(target), snapshot(target.with_name("knowledge.previous"))) == before


@pytest.mark.parametrize(
    "origin",
    [
        "http://192.0.2.1/knowledge",
        "http://localhost.example/x",
        "ftp://127.0.0.1/x",
        "file:///tmp",
        "https://user:secret@192.0.2.1/x",
        "https:///x",
        "no/such/folder",
    ],
)
def test_origin_that_cannot_serve_is_a_usage_error(target: Path, origin: str) -> None:
    with pytest.raises(UsageError):
        run(target, origin)
    assert beside(target) == []


def test_folder_of_somebody_else_is_not_replaced(web: Web, target: Path) -> None:
    target.mkdir()
    (target / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="not a folder of fetched knowledge"):
        run(target, web.address)
    assert (target / "thesis.txt").read_text(encoding="utf-8") == "mine"


# --- a folder that was damaged later --------------------------------------------------------------


@pytest.mark.usefixtures("held")
def test_verify_finds_what_was_changed_later(target: Path) -> None:
    assert update.verify(target) == []
    (target / NAMES[1]).write_bytes(galaxy("Planted"))
    (problem,) = update.verify(target)
    assert "threat-actor.json" in problem and "SHA-256" in problem
    (target / NAMES[1]).unlink()
    (problem,) = update.verify(target)
    assert "cannot be read" in problem


@pytest.mark.usefixtures("held")
def test_manifest_cannot_name_files_outside(target: Path) -> None:
    rows = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
    rows["files"][0]["name"] = "../../secret"
    (target / MANIFEST).write_text(json.dumps(rows), encoding="utf-8")
    assert update.verify(target) == ["../../secret: not a file that an update fetches"]


@pytest.mark.usefixtures("held")
def test_damaged_folder_is_mended_by_another_update(web: Web, target: Path) -> None:
    (target / MANIFEST).write_text("{", encoding="utf-8")
    (problem,) = update.verify(target)
    assert "not a list of fetched knowledge" in problem
    with pytest.raises(ConfigError):
        _ = Sources(target).updated
    result = run(target, web.address)
    assert update.verify(target) == []
    assert result.files[0].old == ""  # measured against what is bundled
