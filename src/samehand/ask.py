"""Store and core together for single questions: what an item weighs, what is near a report."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from samehand.case import Options, prepare
from samehand.config import Parameters, PriorPreset, types_table
from samehand.errors import NotFoundError, StoreMissingError, UsageError
from samehand.explain import Explanation, explain
from samehand.extract.review import feature_of
from samehand.model import Feature, Problem, Report
from samehand.nearest import Nearest, nearest
from samehand.normalise import canonical, is_address, name_key, net24
from samehand.pipeline import load, load_one, one_report


def item_of(kind: str, value: str) -> Feature:
    """The canonical item that a user means, of any type, the derived ones too.

    Raises:
        UsageError: if there is no such type, or the value is none of its type.
    """
    types = types_table()
    if kind not in types:
        close = get_close_matches(kind, types, 3)
        hint = f" Close: {', '.join(close)}." if close else ""
        raise UsageError(f"{kind!r} is no type of item.{hint} The types are {', '.join(types)}")
    try:
        found = _derived(kind, value) if types[kind].derived else feature_of(kind, value)
    except ValueError as error:
        raise UsageError(f"{value!r} as {kind}: {error}") from error
    if not found.value:
        raise UsageError(f"{value!r} as {kind}: empty")
    return found


def _derived(kind: str, value: str) -> Feature:
    """An item of a type that no record holds under its name."""
    if kind in ("registered-domain", "provider"):
        return Feature(kind, canonical("domain-name", value).value)
    if kind == "ipv4-net24":
        network = canonical("ipv4-addr", value).value
        network = net24(network) if is_address(network) else network
        if not network.endswith("/24"):
            raise ValueError("not a /24 network")
        return Feature(kind, network)
    if kind == "victim-country":
        return Feature(kind, value.strip().upper())
    if kind == "victim-sector":
        return Feature(kind, value.strip().lower())
    if kind == "name":
        return Feature(kind, name_key(value))
    return feature_of(kind, value)


def explain_weight(
    workspace: Path | None, parameters: Parameters, kind: str, value: str, prior: PriorPreset
) -> tuple[Explanation, list[Problem]]:
    """Why an item weighs what it weighs, beside the reports of a workspace or beside nothing.

    Raises:
        UsageError: if the type is unknown or the value is none of its type.
        StoreError: if the workspace cannot be used.
    """
    feature = item_of(kind, value)
    reports: list[Report] = []
    problems: list[Problem] = []
    if workspace is not None:
        reports, _, problems = load(workspace)
    return explain(feature, reports, parameters, prior), problems


def similar(
    workspace: Path, parameters: Parameters, asked: str, most: int, prior: PriorPreset
) -> tuple[Nearest, list[Problem]]:
    """The reports of a workspace nearest to a file, or to one of its reports.

    Raises:
        StoreError: if the workspace cannot be used.
        NotFoundError: if it is empty, or ``asked`` is neither a file nor a report of it.
        UsageError: if the report is background.
        InputError: if the file holds no readable report, or several.
    """
    try:
        reports, _, problems = load(workspace)
    except StoreMissingError as error:
        raise StoreMissingError(
            f"{error} 'similar' searches the reports of a workspace; 'samehand compare' takes two "
            "files without one."
        ) from error
    file = Path(asked)
    if file.is_file():
        report = one_report(file)
    else:
        try:
            report, _, _, _ = load_one(workspace, asked)
        except NotFoundError as error:
            raise NotFoundError(f"no file of that name, and {error}") from error
        if report.use == "background":
            raise UsageError(
                f"{asked} is a background report: it only tells how common a value is, and is "
                "compared with nothing"
            )
    if not reports:
        raise NotFoundError(f"{workspace} holds no reports yet. Add some with 'samehand add'.")
    others = [r for r in reports if r.id != report.id]
    case = prepare([report, *others], parameters, Options(prior=prior))
    return nearest(case, report.id, most, prior), problems
