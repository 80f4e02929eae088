"""Statistics of terms over a sample of images: specificity, topics, category entropy, queries."""

import numpy as np
from scipy import sparse
from sklearn.cluster import MiniBatchKMeans
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

__all__ = ["category_entropy", "language_specificity", "query_rate", "term_vectors"]

_DIMENSIONS = 16
_TOPICS = 32
_SEED = 0


def language_specificity(num_images: np.ndarray, language: np.ndarray, total: int) -> np.ndarray:
    """Inverse document frequency as a z-score among the terms of the same language.

    A term counts the same whether its language is common or rare in the corpus.

    Args:
        num_images: int64 [T].
        language: int64 [T].
        total: Images of the sample.
    """
    idf = np.log(max(total, 1) / np.maximum(num_images, 1))
    size = np.bincount(language)
    mean = np.bincount(language, idf) / np.maximum(size, 1)
    variance = np.bincount(language, idf**2) / np.maximum(size, 1) - mean**2
    deviation = np.sqrt(np.maximum(variance, 0))[language]
    score = np.divide(idf - mean[language], deviation, out=np.zeros(len(idf)), where=deviation > 1e-9)
    return np.clip(score, -3, 3).round(4).astype(np.float32)


def _incidence(pairs: np.ndarray, num_terms: int, num_images: int) -> sparse.csr_matrix:
    ones = np.ones(len(pairs), dtype=np.float32)
    return sparse.csr_matrix((ones, (pairs >> 32, pairs & 0xFFFFFFFF)), shape=(num_terms, num_images))


def term_vectors(pairs: np.ndarray, num_terms: int, num_images: int) -> tuple[np.ndarray, np.ndarray]:
    """Latent semantic vectors (Deerwester et al. 1990) of terms and images, of unit length.

    They need no encoder and treat all languages alike: terms are near when they describe the same images.

    Args:
        pairs: int64, term << 32 | image, distinct.
        num_terms: T.
        num_images: N.

    Returns:
        float32 [T, D] and [N, D].
    """
    weights = _incidence(pairs, num_terms, num_images)
    counts = np.maximum(np.asarray(weights.sum(axis=1)).ravel(), 1)
    weights = sparse.diags(np.log(max(num_images, 1) / counts) + 1e-3) @ weights
    dimensions = min(_DIMENSIONS, min(weights.shape) - 1)
    if dimensions < 1:
        return np.ones((num_terms, 1), np.float32), np.ones((num_images, 1), np.float32)
    with threadpool_limits(1):  # the last bits of its sums differ by the number of threads
        left, strength, right = randomized_svd(weights, dimensions, n_iter=3, random_state=_SEED)
    return _unit(left * strength), _unit(right.T * strength)


def _unit(vectors: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 1e-9).round(4).astype(np.float32)


def category_entropy(pairs: np.ndarray, image_vectors: np.ndarray, num_terms: int) -> np.ndarray:
    """Spread of each term over the topics of its images, 0 (one topic) to 1 (as even as its count allows).

    Args:
        pairs: int64, term << 32 | image, distinct.
        image_vectors: float32 [N, D].
        num_terms: T.
    """
    topics = min(_TOPICS, len(np.unique(image_vectors, axis=0)))
    if topics < 2:
        return np.zeros(num_terms, dtype=np.float32)
    model = MiniBatchKMeans(topics, random_state=_SEED, n_init=1, batch_size=4096)
    topic = model.fit_predict(image_vectors).astype(np.int64)
    counts = np.bincount((pairs >> 32) * topics + topic[pairs & 0xFFFFFFFF], minlength=num_terms * topics)
    counts = counts.reshape(num_terms, topics)
    size = counts.sum(axis=1, keepdims=True)
    share = counts / np.maximum(size, 1)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(axis=1)
    ceiling = np.log(np.clip(size.ravel(), 2, topics))
    return (entropy / ceiling).round(4).astype(np.float32)


def query_rate(pairs: np.ndarray, query_pairs: np.ndarray, num_terms: int) -> np.ndarray:
    """Share of each term's images that a query with the term led to.

    Args:
        pairs: int64, term << 32 | image, distinct: all mentions.
        query_pairs: The same of mentions in queries.
        num_terms: T.
    """
    said = np.bincount(pairs >> 32, minlength=num_terms)
    asked = np.bincount(query_pairs >> 32, minlength=num_terms)
    return (asked / np.maximum(said, 1)).astype(np.float32)
