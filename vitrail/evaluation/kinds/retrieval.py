"""Retrieval on fixed queries and galleries: P@1, P@5, R@10 for every direction, with floats and with binary codes.

Both are float vectors (`float`) or packed codes (`binary`, by Hamming distance), or float queries meet stored codes
(`asymmetric`): the gallery is as small as codes, and a query that was just embedded need not be packed.

P@k is the share of the first k neighbours that match; R@k the share of the query's matches among the first k.
Queries without any match in the gallery are not counted. With a few domains, queries of one search the gallery of
each other one; with many they search all others at once; with a single domain they search the split without
themselves.

Shapes: Q queries, G gallery items, k neighbours.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vitrail.contracts.evaluation import NEIGHBOURS_SCHEMA, Baseline
from vitrail.evaluation.inference import Vectors
from vitrail.evaluation.measures import Measures, TaskAnswers
from vitrail.evaluation.metrics import TaskResult, build_outcomes
from vitrail.evaluation.search import Parts, nearest_asymmetric, nearest_binary, nearest_float
from vitrail.evaluation.units import Units, label_units
from vitrail.gates.outcomes import Outcomes

__all__ = ["ACROSS", "MEASURES", "WITHIN", "Direction", "evaluate_retrieval", "find_directions"]

Rows = NDArray[np.int64]

WITHIN = "within"  # name of the only direction of a corpus with one domain
ACROSS = "across"  # of one with more domains than can be told in pairs
_MAX_PAIRED_DOMAINS = 4  # make twelve directions
_DEPTH = 10
_PRECISIONS = ("float", "binary", "asymmetric")


@dataclass(frozen=True, kw_only=True)
class Direction:
    """Which units search which gallery: positions in the test split.

    `apart` gives every query and gallery item a part; what is of the query's own part is not searched.
    """

    name: str
    queries: Rows
    gallery: Rows
    apart: Parts | None = None


def find_directions(units: Units, labels: NDArray[np.str_]) -> list[Direction]:
    """Every ordered pair of domains; all other domains at once where there are many; the split itself with one."""
    labelled = np.flatnonzero(labels != "")
    domains, domain_of = np.unique(units.domains[labelled], return_inverse=True)
    if len(domains) < 2:
        return [Direction(name=WITHIN, queries=labelled, gallery=labelled, apart=Parts(labelled, labelled))]
    if len(domains) > _MAX_PAIRED_DOMAINS:
        return [Direction(name=ACROSS, queries=labelled, gallery=labelled, apart=Parts(domain_of, domain_of))]
    members = {str(domain): labelled[domain_of == number] for number, domain in enumerate(domains)}
    return [
        Direction(name=f"{ours or 'none'}->{theirs or 'none'}", queries=members[ours], gallery=members[theirs])
        for ours, theirs in permutations(members, 2)
    ]


@dataclass(frozen=True, kw_only=True)
class _Ranking:
    """One direction searched: which neighbours match, and how many there are to find."""

    direction: str
    queries: Rows  # [Q], those with a match in the gallery
    neighbours: Rows  # [Q, k], positions in the test split
    scores: NDArray[np.generic]  # [Q, k]
    matches: NDArray[np.bool_]  # [Q, k]
    num_relevant: Rows  # [Q]
    num_candidates: Rows  # [Q]

    def precision_at(self, k: int) -> NDArray[np.float64]:
        """[Q]."""
        return self.matches[:, :k].sum(axis=1) / k

    def recall_at(self, k: int) -> NDArray[np.float64]:
        """[Q]."""
        return self.matches[:, :k].sum(axis=1) / self.num_relevant


_METRICS: dict[str, Callable[[_Ranking], NDArray[np.float64]]] = {
    "p_at_1": lambda ranking: ranking.precision_at(1),
    "p_at_5": lambda ranking: ranking.precision_at(5),
    "r_at_10": lambda ranking: ranking.recall_at(10),
}


def evaluate_retrieval(
    *,
    task: str,
    labels: NDArray[np.str_],
    vectors: Vectors,
    units: Units,
    categories: Mapping[str, NDArray[np.str_]],
    num_pictured: int,
    num_neighbours: int,
    seed: int,
) -> TaskResult | None:
    """Measures one task; None when no query has a match.

    Args:
        task: Name of the task.
        labels: Of each unit; images with the same label match; empty where it has none.
        vectors: The units as the model sees them.
        units: The test split.
        categories: Labels of the classification tasks, for search within a category.
        num_pictured: Queries kept with their neighbours.
        num_neighbours: Neighbours kept of each.
        seed: Of the choice of pictured queries.
    """
    directions = find_directions(units, labels)
    depth = max(_DEPTH, num_neighbours)
    rankings = {
        precision: [
            ranking
            for direction in directions
            if len((ranking := _rank(direction, labels, vectors, precision, depth)).queries)
        ]
        for precision in _PRECISIONS
    }
    if not rankings["float"]:
        return None
    outcomes = [
        *(item for precision in _PRECISIONS for item in _outcomes(task, precision, rankings[precision], units)),
        _ratio(task, "binary", rankings, units),
        _ratio(task, "asymmetric", rankings, units),
        *_within(task, directions, labels, vectors, units, categories),
    ]
    return TaskResult(
        outcomes=outcomes,
        headline=f"{task}/float/p_at_1",
        baselines=_baselines(task, rankings["float"]),
        neighbours=_neighbours(task, rankings["float"], units, num_pictured, num_neighbours, seed),
    )


def _rank(direction: Direction, labels: NDArray[np.str_], vectors: Vectors, precision: str, depth: int) -> _Ranking:
    num_relevant, num_candidates = _count_gallery(direction, labels)
    is_counted = num_relevant > 0
    queries, gallery, apart = direction.queries[is_counted], direction.gallery, direction.apart
    if apart is not None:
        apart = Parts(apart.queries[is_counted], apart.gallery)
    found, scores = _search(precision, vectors, queries, gallery, depth, apart)
    return _Ranking(
        direction=direction.name,
        queries=queries,
        neighbours=gallery[found],
        scores=scores,
        matches=labels[gallery[found]] == labels[queries][:, None],
        num_relevant=num_relevant[is_counted],
        num_candidates=num_candidates[is_counted],
    )


def _search(
    precision: str, vectors: Vectors, queries: Rows, gallery: Rows, depth: int, apart: Parts | None
) -> tuple[Rows, NDArray[np.generic]]:
    embeddings, codes = vectors.embeddings, vectors.codes
    if precision == "binary":
        return nearest_binary(codes[queries], codes[gallery], depth, apart=apart)
    if precision == "asymmetric":
        return nearest_asymmetric(embeddings[queries], codes[gallery], depth, apart=apart)
    return nearest_float(embeddings[queries], embeddings[gallery], depth, apart=apart)


def _count_gallery(direction: Direction, labels: NDArray[np.str_]) -> tuple[Rows, Rows]:
    """For each query the gallery items that match it, and all that it searches."""
    names, label_of = np.unique(labels, return_inverse=True)
    ours, theirs = label_of[direction.queries], label_of[direction.gallery]
    relevant = np.bincount(theirs, minlength=len(names))[ours]
    candidates = np.full(len(ours), len(theirs))
    if direction.apart is None:
        return relevant, candidates
    apart = direction.apart
    own = Parts(apart.queries * len(names) + ours, apart.gallery * len(names) + theirs)
    return relevant - own.count_own(), candidates - apart.count_own()


def _outcomes(task: str, precision: str, rankings: list[_Ranking], units: Units) -> Iterator[Outcomes]:
    for name, metric in _METRICS.items():
        stem = f"{task}/{precision}/{name}"
        yield _over_directions(stem, rankings, [metric(ranking) for ranking in rankings], units)
        if len(rankings) > 1:
            for ranking in rankings:
                values = metric(ranking)
                yield build_outcomes(f"{stem}/{ranking.direction}", units, ranking.queries, values)


def _over_directions(name: str, rankings: list[_Ranking], values: list[NDArray[np.float64]], units: Units) -> Outcomes:
    return build_outcomes(name, units, _queries(rankings), np.concatenate(values), strata=_direction_names(rankings))


def _ratio(task: str, precision: str, rankings: Mapping[str, list[_Ranking]], units: Units) -> Outcomes:
    """The share of float P@1 that is kept."""
    float_hits, kept_hits = (
        np.concatenate([ranking.precision_at(1) for ranking in rankings[name]]) for name in ("float", precision)
    )
    return build_outcomes(
        f"{task}/{precision}_ratio",
        units,
        _queries(rankings["float"]),
        kept_hits,
        strata=_direction_names(rankings["float"]),
        references=float_hits,
        statistic="ratio",
    )


def _queries(rankings: list[_Ranking]) -> Rows:
    return np.concatenate([ranking.queries for ranking in rankings])


def _direction_names(rankings: list[_Ranking]) -> NDArray[np.str_]:
    return np.concatenate([np.full(len(ranking.queries), ranking.direction) for ranking in rankings])


def _within(
    task: str,
    directions: list[Direction],
    labels: NDArray[np.str_],
    vectors: Vectors,
    units: Units,
    categories: Mapping[str, NDArray[np.str_]],
) -> Iterator[Outcomes]:
    """P@1 when only the gallery images of the query's own class are searched, per classification task."""
    for category_task, classes in categories.items():
        parts = [part for direction in directions for part in _split_by_class(direction, classes)]
        for precision in _PRECISIONS:
            rankings = [_rank(part, labels, vectors, precision, 1) for part in parts]
            rankings = [ranking for ranking in rankings if len(ranking.queries)]
            if rankings:
                name = f"{task}/{precision}/p_at_1/{WITHIN}/{category_task}"
                values = [ranking.precision_at(1) for ranking in rankings]
                yield _over_directions(name, rankings, values, units)


def _split_by_class(direction: Direction, classes: NDArray[np.str_]) -> Iterator[Direction]:
    ours, theirs = classes[direction.queries], classes[direction.gallery]
    for name in sorted(set(ours.tolist()) - {""}):
        apart = direction.apart
        yield Direction(
            name=direction.name,
            queries=direction.queries[ours == name],
            gallery=direction.gallery[theirs == name],
            apart=Parts(apart.queries[ours == name], apart.gallery[theirs == name]) if apart else None,
        )


def _baselines(task: str, rankings: list[_Ranking]) -> list[Baseline]:
    """Expected values of a random order of the gallery."""
    precision = np.mean([(r.num_relevant / r.num_candidates).mean() for r in rankings])
    recall = np.mean([np.minimum(1.0, _DEPTH / r.num_candidates).mean() for r in rankings])
    return [
        Baseline(metric=f"{task}/{kind}/{name}", kind="chance", value=float(value))
        for kind in _PRECISIONS
        for name, value in (("p_at_1", precision), ("p_at_5", precision), ("r_at_10", recall))
    ]


def _neighbours(
    task: str, rankings: list[_Ranking], units: Units, num_queries: int, num_neighbours: int, seed: int
) -> pa.Table:
    """Randomly drawn queries with their nearest neighbours; never chosen by result."""
    generator = np.random.default_rng(seed)
    shares = np.full(len(rankings), num_queries // len(rankings))
    shares[: num_queries % len(rankings)] += 1
    rows: list[dict[str, object]] = []
    for ranking, share in zip(rankings, shares.tolist(), strict=True):
        drawn = generator.choice(len(ranking.queries), size=min(share, len(ranking.queries)), replace=False)
        for query in np.sort(drawn).tolist():
            rows.extend(_pictured(task, ranking, query, units, num_neighbours))
    return pa.Table.from_pylist(rows, NEIGHBOURS_SCHEMA)


def _pictured(
    task: str, ranking: _Ranking, query: int, units: Units, num_neighbours: int
) -> Iterator[dict[str, object]]:
    for rank in range(min(num_neighbours, ranking.neighbours.shape[1])):
        yield {
            "task": task,
            "direction": ranking.direction,
            "query_id": str(units.image_ids[ranking.queries[query]]),
            "rank": rank + 1,
            "image_id": str(units.image_ids[ranking.neighbours[query, rank]]),
            "similarity": float(ranking.scores[query, rank]),
            "is_match": bool(ranking.matches[query, rank]),
        }


def _evaluate(found: TaskAnswers) -> TaskResult | None:
    if found.answers.vectors is None:
        return None
    return evaluate_retrieval(
        task=found.task.name,
        labels=label_units(found.corpus, found.task.name, found.units),
        vectors=found.answers.vectors,
        units=found.units,
        categories=found.categories,
        num_pictured=found.config.num_pictured_queries,
        num_neighbours=found.config.num_pictured_neighbours,
        seed=found.config.seed,
    )


MEASURES = Measures(evaluate=_evaluate)
