"""Fitted channels in attribution: one alone says what it says, ledgers sum, order is irrelevant.

Worlds are made up here, of 26 actors with habits, software and hosts of their own; nothing of the
program weighs anything before it is asked (method.md section 12, tests 4, 8, 9, 12, 14, 15).
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from helpers import Record, read, written
from samehand.assessment import make_scene
from samehand.attribute import Membership, attribute
from samehand.attributing import of_file
from samehand.case import Options, prepare
from samehand.compare.actors import Scene
from samehand.compare.channels import Channel, ChannelLine, ChannelOdds, Texts, attack_memory
from samehand.compare.text_channel import bundled_channel
from samehand.config import default_parameters
from samehand.errors import InputError, NotFoundError
from samehand.knowledge import attack
from samehand.knowledge.actors import World, bundled_world, world_of_reference
from samehand.model import Attribution, Hypothesis, Report
from samehand.pipeline import Question
from samehand.posterior import Posterior, heard_of, make_priors, posterior
from samehand.predict import predict_actors
from samehand.render.attribution import answer_text
from samehand.score import draws
from samehand.stress import stress
from test_intake import call, ok

P = default_parameters()
ACTORS = [f"Actor {n:02}" for n in range(26)]
#: Actors that bundled knowledge knows, for states and parts.
KNOWN = (
    "Lazarus Group", "APT38", "APT28", "APT29", "Turla", "Sandworm", "OilRig", "MuddyWater", "FIN7",
    "Kimsuky", "Gamaredon Group", "APT32", "Patchwork", "Transparent Tribe", "SideWinder", "APT41",
    "Mustang Panda", "Winnti Group", "Carbanak", "TA505", "APT33", "APT37", "Leviathan", "APT10",
)  # fmt: skip


@cache
def techniques() -> tuple[str, ...]:
    held = sorted({t for g in attack.groups().values() for t in g.techniques})
    return tuple(t for t in held if attack.current(t) == t)[:180]


def habits(actors: Sequence[str]) -> dict[str, list[str]]:
    """Actor -> techniques it is used to; of everybody's, so that profiles overlap as real ones."""
    rng = random.Random(7)
    return {a: rng.sample(techniques(), 22) for a in actors}


def told(actor: str, number: int, actors: Sequence[str], **fields: Any) -> Record:
    """A report on an actor: of its habits a part, one of its tools, hosts of the operation."""
    rng = random.Random(f"{actor}/{number}")
    place = list(actors).index(actor)
    mine = rng.sample(habits(tuple(actors))[actor], 9) + rng.sample(techniques(), 2)
    return {
        "id": f"r{place:02}-{number}",
        "published": f"{2016 + number}-0{1 + place % 9}-10",
        "publisher": f"Vendor {(place + number) % 7}",
        "techniques": sorted(set(mine)),
        "software": [f"Tool{place:02}{'ABC'[number % 3]}", rng.choice(["Mimikatz", "PsExec"])],
        "observables": [
            {"type": "domain-name", "value": f"c{number}-{place}-{n}.{word}.com"}
            for n, word in enumerate((f"quay{place}x{number}", f"pier{place}x{number % 2}"))
        ]
        + [{"type": "file:sha256", "value": f"{rng.getrandbits(256):064x}"}],
        "label": {"actor": actor},
        **fields,
    }


@cache
def references(actors: Sequence[str] = tuple(ACTORS), count: int = 4) -> tuple[Report, ...]:
    rows = [told(a, n, actors) for a in actors for n in range(count)]
    return tuple(read(row, use="reference") for row in rows)


def query(actor: str = ACTORS[3], actors: Sequence[str] = tuple(ACTORS), **fields: Any) -> Report:
    """A further report on an actor, without its label; it uses its tools and an old host."""
    place = list(actors).index(actor)
    record = {**told(actor, 6, actors), "id": "q", **fields}
    record["observables"] = [
        *record["observables"],
        {"type": "domain-name", "value": f"c1-{place}-1.pier{place}x1.com"},
    ]
    del record["label"]
    return read(record)


def scene_of(
    reports: Iterable[Report], *asked: Report, world: World | None = None, text: bool = False
) -> Scene:
    held = list(reports)
    case = prepare([*held, *asked], P, Options(prior="feed"))
    texts = Texts(bundled_channel()) if text else None
    return make_scene(case, world or world_of_reference(held, P), texts)


def ask(scene: Scene, *members: str, strength: Any = "merged", **options: Any) -> Attribution:
    belongs = options.pop("belongs", dict.fromkeys(members, 1.0))
    campaign = Membership("C", strength, members, belongs)
    return attribute(scene, campaign, explicit_all=True, most=40, **options)


def probability(found: Attribution, actor: str) -> float:
    return next((h.probability for h in found.hypotheses if h.actor == actor), 0.0)


# One channel alone.


def channel(odds: dict[str, float], none: float, phi: float = 0.0, planted: float = 0.0) -> Channel:
    """A channel whose probabilities are as given; ``planted`` is divided among its actors."""
    each = planted / len(odds)
    start = -7.0
    held = {}
    for actor, value in odds.items():
        line = ChannelLine("made up", math.log2(value / none) - start, ("o1",), ("q",))
        held[actor] = ChannelOdds(value, each, start, (line,))
    return Channel("text", "behaviour", none, held, phi=phi)


def after_of(*channels: Channel) -> tuple[Posterior, float]:
    """What follows from channels alone, and the prior of planted."""
    scene = scene_of(references())
    priors = make_priors(scene, set(scene.world.actors), None)
    found = posterior([], priors, P, heard=heard_of(channels, priors))
    return found, priors.planted_rest + math.fsum(priors.planted.values())


def test_a_channel_that_lists_everybody_is_the_answer_but_for_what_is_planted() -> None:
    values = {a: (n + 1.0) / 500 for n, a in enumerate(ACTORS)}
    none = 1.0 - math.fsum(values.values())
    found, prior = after_of(channel(values, none))
    for actor, value in values.items():
        assert found.actors[actor] / (1.0 - found.planted) == pytest.approx(value, abs=1e-12)
    assert found.none / (1.0 - found.planted) == pytest.approx(none, abs=1e-12)
    assert 0.0 < found.planted < 3 * prior


def test_of_who_a_channel_does_not_list_it_tells_nothing() -> None:
    values = {ACTORS[1]: 0.5, ACTORS[2]: 0.2}
    found, _ = after_of(channel(values, 0.3))
    left = 1.0 - found.planted
    for actor, value in values.items():
        assert found.actors[actor] / left == pytest.approx(value, abs=1e-12)
    others = found.none + math.fsum(v for a, v in found.actors.items() if a not in values)
    assert others / left == pytest.approx(0.3, abs=1e-12)
    scene = scene_of(references())
    priors = make_priors(scene, set(scene.world.actors), None)
    for actor in ACTORS[3:]:  # among themselves they keep their shares
        wanted = priors.actors[actor] / priors.none
        assert found.actors[actor] / found.none == pytest.approx(wanted, abs=1e-9)


def test_a_channel_that_says_itself_what_is_planted_is_the_whole_answer() -> None:
    values = dict.fromkeys(ACTORS, 0.02)
    found, _ = after_of(channel(values, 0.3, planted=1.0 - 0.3 - 26 * 0.02))
    rest = found.planted - math.fsum(found.planted_as.values())
    assert found.none / (1.0 - rest) == pytest.approx(0.3, abs=1e-9)
    assert found.actors[ACTORS[0]] / (1.0 - rest) == pytest.approx(0.02, abs=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_channels_that_say_nothing_add_nothing(count: int) -> None:
    """However many there are, the prior counts once."""
    values = dict.fromkeys(ACTORS, 2.0**-7 / (1.0 + 26 * 2.0**-7))
    silent = channel(values, 1.0 / (1.0 + 26 * 2.0**-7))
    found, _ = after_of(*[silent] * count)
    assert found.none / (1.0 - found.planted) == pytest.approx(silent.none, abs=1e-9)


def test_two_channels_together_are_their_product_over_one_prior() -> None:
    start = 2.0**-7
    first = {a: (8 if a == ACTORS[1] else 1) * start for a in ACTORS}
    second = {a: (16 if a == ACTORS[1] else 0.5) * start for a in ACTORS}
    made = []
    for odds in (first, second):
        total = 1.0 + math.fsum(odds.values())
        made.append(channel({a: v / total for a, v in odds.items()}, 1.0 / total))
    found, _ = after_of(*made)
    assert found.actors[ACTORS[1]] / found.none == pytest.approx(8 * 16 * start, rel=1e-9)
    assert found.actors[ACTORS[2]] / found.none == pytest.approx(0.5 * start, rel=1e-9)


# Ledgers.


def sums(found: Iterable[Hypothesis]) -> None:
    for one in found:
        total = one.prior_bits + math.fsum(c.bits for c in one.contributions)
        assert total == pytest.approx(one.total_bits, abs=1e-9), one.actor
        assert all(c.observations for c in one.contributions if c.role == "evidence")


TEXT = (
    "The intrusion at a bank used a backdoor that the group has shared with nobody. Its operators "
    "sent spear phishing mails and stole money over the SWIFT network with Mimikatz at hand. "
)


@cache
def known_scene(*asked: Report, text: bool = True) -> Scene:
    return scene_of(references(KNOWN), *asked, world=bundled_world(), text=text)


def test_every_ledger_sums_with_all_channels_and_states_do_too() -> None:
    claim = {"relation": "attribution", "about": "X", "actor": "APT28", "words": "medium"}
    asked = query("APT28", KNOWN, text=TEXT, claims=[claim])
    found = ask(known_scene(asked), "q", draws=draws(P)[:4])
    notes = {c.note for h in found.hypotheses for c in h.contributions}
    for title in ("techniques and software", "free text", "shared values"):
        assert f"{title}, fitted" in notes
    sums(found.hypotheses)
    assert found.states
    sums(found.states)
    roots = [h for h in found.hypotheses if not h.parent]
    assert found.none + found.planted + math.fsum(h.probability for h in roots) <= 1.0 + 1e-9


def test_the_order_of_reports_members_and_items_changes_nothing() -> None:
    first = query(text=TEXT)
    turned = query(text=TEXT, techniques=told(ACTORS[3], 6, ACTORS)["techniques"][::-1], id="q")
    second = read({**told(ACTORS[3], 5, ACTORS), "id": "p", "label": {}})
    one = ask(scene_of(references(), first, second, text=True), "q", "p", draws=draws(P)[:3])
    shuffled = list(references())
    random.Random(5).shuffle(shuffled)
    other = ask(scene_of(shuffled, second, turned, text=True), "p", "q", draws=draws(P)[:3])
    assert one == other


# Who is not known, and who is only made to look so.


def test_a_deleted_actor_leaves_its_queries_to_none_of_the_known() -> None:
    kept, gone = [], []
    for actor in ACTORS[:12]:
        asked = query(actor)
        whole = ask(scene_of(references(), asked), "q")
        left = [r for r in references() if r.known_actor != actor]
        less = ask(scene_of(left, asked), "q")
        kept.append(whole.none)
        gone.append(less.none)
        assert less.none > whole.none and less.none > 0.3
        assert less.naming != "named" and less.decision is None
        assert whole.hypotheses[0].actor == actor
    above = [(k < g) + 0.5 * (k == g) for k in kept for g in gone]
    assert sum(above) / len(above) >= 0.9  # AUROC


@pytest.mark.parametrize("count", [1, 3, 5])
def test_planted_software_of_a_decoy_never_names_it(count: int) -> None:
    names = [f"Decoy{n}" for n in range(5)]
    decoy = ACTORS[20]
    extra = [
        read({**told(decoy, n, ACTORS), "id": f"d{n}", "software": names}, use="reference")
        for n in (0, 1)
    ]
    for actor in ACTORS[:6]:
        asked = query(actor)
        record = told(actor, 6, ACTORS)
        forged = query(actor, software=[*record["software"], *names[:count]])
        plain = query(actor, software=names[:count], observables=[])  # its own tools left out
        for one in (forged, plain):
            found = ask(scene_of([*references(), *extra], one), "q")
            assert found.decision != decoy
            assert probability(found, decoy) < 0.5
        before = ask(scene_of([*references(), *extra], asked), "q")
        assert before.decision in (None, actor)


def test_stress_counts_the_report_that_is_imitated_as_an_origin() -> None:
    """Enough of everything has a decoy named, as attribution itself would."""
    asked = query(observables=[], software=[])
    scene = scene_of(references(), asked)
    found = stress(scene, Membership("C", "merged", ("q",), {"q": 1.0}))
    assert found is not None and found.leader == ACTORS[3]
    several = [p for p in found.planted if not p.facet]
    assert several[-1].misleads is not None
    assert ask(scene, "q").naming == found.naming


# What is left when something is left out.


def test_leaving_a_member_out_is_the_answer_without_it() -> None:
    first = query(text=TEXT)
    second = read({**told(ACTORS[3], 5, ACTORS), "id": "p", "label": {}})
    both = scene_of(references(), first, second, text=True)
    nobody = ask(both, "q", "p", strength="proposed", belongs={"q": 0.0, "p": 0.0})
    left = "p" if nobody.strongest_origin == "q" else "q"
    alone = scene_of(references(), first if left == "q" else second, text=True)
    wanted = ask(alone, left)
    assert nobody.membership == 0.0
    assert nobody.none == pytest.approx(wanted.none, abs=1e-9)
    for one in nobody.hypotheses:
        assert one.probability == pytest.approx(probability(wanted, one.actor), abs=1e-9)


def test_a_reference_report_that_is_left_out_is_left_out_of_channels() -> None:
    asked = query()
    scene = scene_of(references(), asked)
    profiles = [scene.profiles["q"]]
    for number, speaker in enumerate(scene.speakers):
        near = speaker(scene, profiles, "")
        assert near is not None
        for gone in ("r03-1", "r05-2"):
            less = speaker(scene, profiles, gone)
            assert less is not None
            held = {r for o in less.odds.values() for x in o.lines for r in x.origins}
            assert gone not in held, number


def test_a_part_gives_its_group_at_least_as_much() -> None:
    asked = query("APT38", KNOWN)
    found = ask(known_scene(asked, text=False), "q")
    assert found.hypotheses[0].actor in ("APT38", "Lazarus Group")
    assert probability(found, "Lazarus Group") >= probability(found, "APT38") > 0.1


# Hostile and empty queries.


def test_a_hostile_query_ends_soon(tmp_path: Path) -> None:
    many = [f"T{1000 + n % 9000}.{n % 1000:03}" for n in range(100_000)]
    record = {
        "id": "q",
        "techniques": many,
        "software": [f"Tool {n}\u202e" for n in range(20_000)],
        "observables": [{"type": "domain-name", "value": f"h{n}.example.com"} for n in range(1000)],
        "text": "\x00\x1b[31m Lazarus \ufffd" * 20_000,
    }
    path = tmp_path / "q.json"
    path.write_text(json.dumps([record]))
    world = written(tmp_path / "ref.jsonl", *[told(a, n, ACTORS) for a in ACTORS for n in (0, 1)])
    started = time.monotonic()
    (found,) = predict_actors(path, P, [], world)
    assert time.monotonic() - started < 12
    assert found.id == "q" and found.none > 0.3


def test_a_record_without_anything_is_the_prior() -> None:
    empty = read({"id": "q", "published": "2021-01-01"})
    scene = scene_of(references(), empty, text=True)
    found = ask(scene, "q")
    known_at = empty.known_at
    priors = make_priors(scene, set(scene.world.actors), known_at)
    assert found.none == pytest.approx(priors.none, abs=1e-12)
    for one in found.hypotheses:
        assert one.probability == pytest.approx(priors.actors[one.actor], abs=1e-12)
        assert not one.contributions or abs(math.fsum(c.bits for c in one.contributions)) < 1e-9


# What must have no influence.


def test_label_and_provenance_of_queries_and_all_orders_change_nothing(tmp_path: Path) -> None:
    """With all channels, the classifier that learns the texts of the reference among them."""
    known = [
        {**told(a, n, ACTORS), "text": f"{TEXT} quay{i} pier{i} mole{i % 5}"}
        for i, a in enumerate(ACTORS)
        for n in (0, 1)
    ]
    answers = []
    for name, actor in (("a", ACTORS[0]), ("b", ACTORS[9])):
        rows = [
            {**told(ACTORS[n], 3, ACTORS), "id": f"q{n}", "text": f"{TEXT} quay{n} mole{n % 5}",
             "label": {"actor": actor, "campaign": name},
             "provenance": {"file": f"{actor}.pdf", "title": actor}}
            for n in range(3)
        ]  # fmt: skip
        reference = written(tmp_path / f"{name}-ref.jsonl", *known)
        queries = written(tmp_path / f"{name}.jsonl", *rows)
        found = predict_actors(queries, P, [], reference)
        answers.append({line.id: msgspec.json.encode(line) for line in found})
        known.reverse()
    assert len(answers[0]) == 3 and answers[0] == answers[1]


def test_a_family_of_malware_is_no_actor() -> None:
    rows = [read({**told(a, 0, ACTORS), "id": f"f{n}", "label": {"actor": f"maltrail:{n}"}},
                 use="reference") for n, a in enumerate(ACTORS)]  # fmt: skip
    asked = query()
    scene = scene_of([*references(), *rows], asked, world=bundled_world())
    found = ask(scene, "q")
    assert not [a for a in scene.world.actors if a.startswith("maltrail:")]
    assert not [h for h in found.hypotheses if h.actor.startswith("maltrail:")]


# Bundled knowledge alone.


def file(folder: Path, *records: Record) -> Path:
    return written(folder / "asked.jsonl", *records)


CATALOGUES = Question(catalogues=True)


def of(path: Path, question: Question = CATALOGUES) -> Attribution:
    (answer,), _ = of_file(path, P, question)
    return answer.assessment.attributions[0]


def test_techniques_and_software_meet_attack_groups_where_nothing_is_loaded(tmp_path: Path) -> None:
    group = next(g for g in attack.groups().values() if g.name == "APT28")
    own = [attack.software()[s].name for s in group.software][:2]
    record = {"id": "q", "techniques": list(group.techniques[:12]), "software": own}
    found = of(file(tmp_path, record))
    assert found.hypotheses[0].actor == "APT28"
    assert found.naming != "undetermined"
    sums(found.hypotheses)
    cited = {c.comparison for c in found.hypotheses[0].contributions}
    assert any("APT28 (G0007)" in c for c in cited)
    memory = attack_memory()
    assert len(memory.rows) == len({r.report for r in memory.rows}) > 120
    few = of(file(tmp_path, {"id": "q", "techniques": ["T1105", "T1027"]}))
    assert few.none > 0.3 and few.hypotheses[0].probability < 0.2


def test_what_stands_in_the_text_is_not_heard_twice(tmp_path: Path) -> None:
    (tmp_path / "told.txt").write_text(
        "A report.\n\nThe attackers used Zebrocy and X-Agent, and sent spearphishing attachments "
        "(T1566.001). PowerShell (T1059.001) started it. " * 3
    )
    found = of(tmp_path / "told.txt")
    notes = {c.note for h in found.hypotheses for c in h.contributions}
    assert "free text, fitted" in notes and "techniques and software, fitted" not in notes


def test_as_of_a_day_catalogues_are_silent(tmp_path: Path) -> None:
    from datetime import date

    record = {"id": "q", "published": "2020-01-01", "techniques": ["T1105"], "text": TEXT}
    path = file(tmp_path, record)
    assert of(path).hypotheses
    asked = Question(as_of=date(2021, 1, 1), catalogues=True)
    (answer,), _ = of_file(path, P, asked)
    assert not answer.assessment.attributions[0].hypotheses
    assert "bear no dates" in answer_text(answer.assessment, answer.campaign)
    with pytest.raises(InputError, match="known by 2019"):
        of_file(path, P, Question(as_of=date(2019, 1, 1)))


def test_a_report_of_a_file_is_left_out_of_all_answers(tmp_path: Path) -> None:
    path = file(tmp_path, {"id": "a", "techniques": ["T1105"]}, {"id": "b", "text": TEXT})
    answers, _ = of_file(path, P, Question(without=("a",)))
    assert [a.campaign.reports for a in answers] == [("b",)]
    with pytest.raises(NotFoundError, match="--without c"):
        of_file(path, P, Question(without=("c",)))
    with pytest.raises(InputError, match="none is left"):
        of_file(path, P, Question(without=("a", "b")))


def test_attribute_says_what_is_wrong_and_how_it_ended(tmp_path: Path) -> None:
    run = partial(call, tmp_path, "attribute")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "binary.dat").write_bytes(bytes(range(256)) * 20)
    written(tmp_path / "q.jsonl", {"id": "q", "techniques": ["T1105", "T1027"], "text": TEXT})
    for arguments, code, said in (
        (("empty.txt",), 3, "is empty"),
        (("binary.dat",), 3, "binary"),
        (("nothing.json",), 5, "no such file"),
        (("q.jsonl", "--without", "z"), 5, "no report of that id"),
        (("q.jsonl", "--top", "0"), 2, "--top"),
        (("q.jsonl", "--stress", "--json"), 2, "--stress"),
    ):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (code, ""), arguments
        assert said in done.stderr
    page = ok(tmp_path, "attribute", "q.jsonl", "--stress", "--top", "1")
    assert "WHAT WOULD OVERTURN IT" in page
    (found,) = json.loads(ok(tmp_path, "attribute", "q.jsonl", "--json"))
    assert 0.0 < found["none"] < 1.0
