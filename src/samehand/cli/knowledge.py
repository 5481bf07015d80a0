"""Commands about what samehand knows before it reads anything: `samehand knowledge`."""

from __future__ import annotations

from datetime import date

import click

from samehand.cli.base import Context, Day, also_local, main


@main.group()
def knowledge() -> None:
    """What is known before any report: names of actors, ATT&CK, tools, commonplace values."""


@knowledge.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("--publisher", default="", help="Whose words they are: its own naming counts most.")
@click.option("--as-of", type=Day(), help="Names and relations known by that day.")
@also_local
@click.pass_obj
def show(obj: Context, names: tuple[str, ...], publisher: str, as_of: date | None) -> None:
    """What a name may mean, with probability and who says so; conflicts stay visible.

    NAME is an actor, campaign, state, malware, tool, technique (T1566.002 or its name) or an
    observable (address, host, hash, URL). Without NAME: what is bundled, its versions and dates,
    and what is past its date.

    \b
    samehand knowledge show "Sapphire Sleet"
    samehand knowledge show APT38 --publisher Mandiant
    samehand knowledge show 8.8.8.8
    """  # noqa: D301  # click reads \b as "keep these lines"
    from samehand.errors import NotFoundError

    if not names:
        from samehand.knowledge.inventory import inventory
        from samehand.render.knowledge import inventory_text

        found = inventory(date.today())  # noqa: DTZ011  # a calendar day, as the lists have it
        obj.result(inventory_text(found, long=bool(obj.verbose)), lambda: found)
        return
    from samehand.knowledge.answers import answer
    from samehand.render.knowledge import answer_text
    from samehand.render.safe import defang_text

    answers = [answer(name, publisher, as_of) for name in names]
    text = "\n\n".join(answer_text(a, long=bool(obj.verbose)) for a in answers)
    obj.result(text, lambda: answers[0] if len(answers) == 1 else answers)
    unknown = [defang_text(a.name, 80) for a in answers if a.empty]
    if unknown and len(unknown) == len(names):
        raise NotFoundError(
            f"nothing is known of {', '.join(map(repr, unknown))}. Names are matched without case, "
            "spaces and hyphens; 'samehand knowledge update' fetches newer catalogues."
        )


@knowledge.command()
@click.argument("actor")
@click.option("--as-of", type=Day(), help="Only what was said by that day.")
@also_local
@click.pass_obj
def profile(obj: Context, actor: str, as_of: date | None) -> None:
    """What is known of an ACTOR, fact by fact, each with source and date.

    Names, state, software, ATT&CK techniques, countries, and what the reference reports of the
    workspace show, if there is one: counted by independent campaigns, not by reports.

    \b
    samehand knowledge profile Kimsuky
    samehand knowledge profile APT38 --as-of 2019
    """  # noqa: D301
    from samehand.errors import NotFoundError, StoreMissingError
    from samehand.knowledge.actors import bundled_world
    from samehand.pipeline import load
    from samehand.profiles import profile_of
    from samehand.render.knowledge import profile_text

    world = bundled_world()
    name = actor if actor in world.actors else world.identify(actor)
    if name is None:
        raise NotFoundError(
            f"{actor!r} means no single known actor; 'samehand knowledge show' says what it means"
        )
    try:
        loaded, _, _ = load(obj.workspace, as_of)
    except StoreMissingError:
        loaded = []
    references = [r for r in loaded if r.use == "reference"]
    found = profile_of(name, world, obj.parameters(), references, as_of)
    obj.result(profile_text(found, 200 if obj.verbose else 12), lambda: found)


@knowledge.command()
@click.option(
    "--from",
    "origin",
    metavar="FOLDER|URL",
    help="A folder with the files (no network needed), or another https address that has them.",
)
@click.option("--remove", is_flag=True, help="Go back to what is bundled.")
@also_local
@click.pass_obj
def update(obj: Context, origin: str | None, remove: bool) -> None:
    """Fetch current ATT&CK and actor catalogues, and store them beside the workspace.

    The only command that uses the network: ATT&CK STIX (enterprise, mobile, ics) and MISP galaxies
    from their publishers on GitHub, over https. Everything is verified before anything counts;
    without a network nothing changes. Results say which versions they used.
    """
    from samehand.errors import UsageError
    from samehand.knowledge.cache import select
    from samehand.knowledge.sources import MANIFEST
    from samehand.knowledge.update import fetch
    from samehand.knowledge.versions import versions

    target = obj.fetched_knowledge
    if remove:
        import shutil

        if origin:
            raise UsageError("--remove takes no --from: it only goes back to what is bundled")
        existed = target.is_dir() or target.is_symlink()
        if existed and (target.is_symlink() or not (target / MANIFEST).is_file()):
            raise UsageError(
                f"{target}: not a folder of fetched knowledge (a link, or without {MANIFEST}); "
                "nothing was removed"
            )
        select(None)
        if existed:
            shutil.rmtree(target)
        text = f"removed {target}" if existed else f"{target}: not there, nothing to remove"
        obj.result(text, lambda: {"removed": str(target) if existed else "", "in_use": versions()})
        return
    with obj.progress() as progress:
        result = fetch(target, progress=progress, origin=origin)
    select(target)
    obj.result(
        "\n".join(result.lines()),
        lambda: {"folder": str(target), "changes": result, "in_use": versions()},
    )


@knowledge.command()
@also_local
@click.pass_obj
def prepare(obj: Context) -> None:
    """Build the knowledge cache now, so that the first real command does not wait for it.

    Happens by itself where needed, once per version; a few seconds.
    """
    from samehand.knowledge.cache import cache_folder
    from samehand.knowledge.inventory import load_all

    with obj.progress() as progress:
        load_all(progress)
    obj.result(f"knowledge is ready in {cache_folder()}", lambda: {"cache": str(cache_folder())})
