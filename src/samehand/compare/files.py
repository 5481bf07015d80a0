"""Hashes of one file count as one: which hash stands for which, over all reports at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from samehand.model import Feature, Report

#: Kinds that identify a file, the one that stands for the others first.
_KINDS = ("file:sha256", "file:sha512", "file:sha1", "file:md5")


def same_files(reports: Iterable[Report]) -> Mapping[Feature, Feature]:
    """Hash -> the hash that stands for the same file, where they differ.

    A report that lists the MD5 and another that lists the SHA-256 show the same file if any report
    lists both as one file.
    """
    parent: dict[Feature, Feature] = {}

    def root(feature: Feature) -> Feature:
        parent.setdefault(feature, feature)
        while parent[feature] != feature:
            parent[feature] = parent[parent[feature]]
            feature = parent[feature]
        return feature

    for report in reports:
        files: dict[str, Feature] = {}
        for observation in report.observations:
            if observation.file and observation.feature.kind in _KINDS:
                first = files.setdefault(observation.file, observation.feature)
                a, b = root(first), root(observation.feature)
                if a != b:
                    low, high = sorted((a, b), key=lambda f: (_KINDS.index(f.kind), f.value))
                    parent[high] = low
    return {feature: root(feature) for feature in parent if root(feature) != feature}
