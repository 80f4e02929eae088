"""Clustering arms, and the joining of rare labels, at growing vocabularies: time, memory and planted groups found.

Embeddings are synthetic: groups of three unit vectors in 384 dimensions, and as candidate pairs those of each group and
twice as many across. Rare labels are terms on two images each, which join until they have RARE, several groups
together: recall alone says how well. Run with `make bench-clustering`; each arm and size runs in a process of its own.
Pair precision and recall are over the pairs that lie in one group. The centres have no preferred direction, which is
the worst case for an index of nearest neighbours. Expected on 2 cores: about an hour.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

from vitrail.labels.clustering.methods import cluster_terms
from vitrail.labels.clustering.rare_labels import join_rare_labels

JOINING = "rare-labels"
ARMS = ("agglomerative", "kmeans", "hdbscan", JOINING)
RARE = 10  # as a coarser level of the default configuration
SIZES = (10_000, 100_000, 1_000_000)
DIMENSIONS = 384
GROUP = 3
CHUNK = 99_999  # a multiple of GROUP


def plant_vectors(count: int, rng: np.random.Generator) -> np.ndarray:
    vectors = np.empty((count, DIMENSIONS), dtype=np.float32)
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        centres = rng.standard_normal((-(-size // GROUP), DIMENSIONS), dtype=np.float32)
        part = np.repeat(centres, GROUP, axis=0)[:size]
        part += 0.4 * rng.standard_normal(part.shape, dtype=np.float32)
        vectors[start : start + size] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def plant_pairs(count: int, rng: np.random.Generator) -> np.ndarray:
    rows = np.arange(count // GROUP * GROUP).reshape(-1, GROUP)
    inside = np.concatenate([rows[:, [0, 1]], rows[:, [0, 2]], rows[:, [1, 2]]])
    across = np.sort(rng.integers(0, count, (2 * len(inside), 2)), axis=1)
    return np.concatenate([inside, across[across[:, 0] < across[:, 1]]])


def plant_images(count: int) -> np.ndarray:
    """int64, term << 32 | image: two images for each term, which no other has."""
    return np.repeat(np.arange(count), 2) << 32 | np.arange(2 * count)


def score_pairs(labels: np.ndarray) -> tuple[float, float]:
    def num_pairs(sizes: np.ndarray) -> int:
        return int((sizes * (sizes - 1)).sum()) // 2

    group = np.arange(len(labels)) // GROUP
    both = num_pairs(np.unique(labels * len(labels) + group, return_counts=True)[1])
    return both / max(num_pairs(np.bincount(labels)), 1), both / num_pairs(np.bincount(group))


def run_arm(arm: str, count: int) -> None:
    rng = np.random.default_rng(0)
    vectors = plant_vectors(count, rng)
    pairs = plant_images(count) if arm == JOINING else plant_pairs(count, rng)
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    if arm == JOINING:
        labels = join_rare_labels(np.arange(count), pairs, vectors, RARE)
    else:
        labels = cluster_terms(arm, vectors, pairs, threshold=0.7, num_clusters=-(-count // GROUP))
    after = resource.getrusage(resource.RUSAGE_SELF)
    precision, recall = score_pairs(labels)
    result = {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_mb": round(after.ru_maxrss / 1024),
        "input_mb": round((vectors.nbytes + pairs.nbytes) / 2**20),
        "num_clusters": int(labels.max()) + 1,
        "pair_precision": round(precision, 3),
        "pair_recall": round(recall, 3),
    }
    print(json.dumps(result))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=ARMS)
    parser.add_argument("--child", nargs=2, metavar=("ARM", "TERMS"))
    options = parser.parse_args()
    if options.child:
        run_arm(options.child[0], int(options.child[1]))
        return
    results = {}
    for count in options.sizes:
        for arm in options.arms:
            command = [sys.executable, __file__, "--child", arm, str(count)]
            output = subprocess.run(command, capture_output=True, text=True, check=False)
            if output.returncode:
                raise SystemExit(output.stderr)
            results[f"{arm}/{count}"] = json.loads(output.stdout.splitlines()[-1])
            print(f"{arm:>14} {count:>10,}: {results[f'{arm}/{count}']}", flush=True)
    slowest = max(results.values(), key=lambda result: result["seconds"])
    print(
        json.dumps(
            {
                "name": "clustering",
                "value": slowest["seconds"],
                "unit": f"s, slowest of {', '.join(results)}",
                "results": results,
            }
        )
    )


if __name__ == "__main__":
    main()
