"""The endpoint `vitrail`: embed, classify and search for uploaded images, and a page to try it on.

    curl -F image=@cat.png http://127.0.0.1:3000/classify

Every BentoML process imports this module, also those that only build or supervise; torch and Feast are
imported by the one that answers.
"""

import atexit
import contextlib
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import anyio.to_thread
import bentoml
from starlette.responses import Response

_HERE = Path(__file__).resolve().parent
_LIBRARY = _HERE.parent if (_HERE.parent / "vitrail").is_dir() else _HERE / "lib"
sys.path.insert(0, str(_LIBRARY))  # inside a Bento the library's source lies beside this file

from endpoint.answers import Classification, Embedding, SearchResult, best_annotations  # noqa: E402
from endpoint.client_bounds import Bounds, allow_connections  # noqa: E402
from endpoint.doorman import Doorman, hold_ready, listener_of  # noqa: E402
from endpoint.envelope import Envelope  # noqa: E402
from endpoint.guarded_protocol import guard_connections  # noqa: E402
from endpoint.lanes import PictureLanes  # noqa: E402
from endpoint.location import bento_tag, locate_bundle, require_release  # noqa: E402
from endpoint.online import OnlineFeatures  # noqa: E402
from endpoint.openapi import describe_api  # noqa: E402
from endpoint.parameters import DEFAULT_K  # noqa: E402
from endpoint.refusals import Refusal  # noqa: E402
from endpoint.search_queries import SearchQuery, SearchUpload  # noqa: E402
from endpoint.searches import Searches  # noqa: E402
from endpoint.uploads import ImageUpload, Upload  # noqa: E402
from endpoint.web import create_web  # noqa: E402
from endpoint.workers import decide_num_workers, threads_of_a_worker  # noqa: E402

from vitrail.contracts.bundle import open_bundle, read_bundle  # noqa: E402
from vitrail.packaging.tether import end_with_parent  # noqa: E402

_SETTINGS = (os.environ.get(name) for name in ("VITRAIL_BUNDLE", "VITRAIL_MODEL", "MLFLOW_TRACKING_URI"))
BUNDLE = locate_bundle(_HERE, *_SETTINGS)
require_release(BUNDLE, os.environ.get("VITRAIL_RELEASE"))

_MANIFEST = read_bundle(BUNDLE)
_NUM_WORKERS = decide_num_workers(BUNDLE, os.environ.get("VITRAIL_WORKERS"))
_DECIDED = {"VITRAIL_BUNDLE": str(BUNDLE), "VITRAIL_RELEASE": _MANIFEST.digest, "VITRAIL_WORKERS": str(_NUM_WORKERS)}
os.environ.update(_DECIDED)  # for the processes that this one starts
_LINEAGE = dataclasses.replace(_MANIFEST.lineage, bento=bento_tag(_HERE))
_VERSION = _LINEAGE.model_version or _MANIFEST.model_id[:12]
_STATED = {name: value for name, value in dataclasses.asdict(_LINEAGE).items() if value}
_HEADERS = {
    "X-Vitrail-Lineage": json.dumps(_STATED, separators=(",", ":")),
    "X-Vitrail-Model-Version": _VERSION,
}
_THUMBNAILS = f"/thumbnails/{_MANIFEST.index_digest[:12]}"
_NEVER_S = 86_400  # connections, lanes and decoding have bounds of their own; BentoML's would count slow uploads
guard_connections(Bounds(max_connections=allow_connections(Bounds.max_connections)), _STATED)
_READY = "VITRAIL_READY"
ImageUpload.max_bytes = SearchUpload.max_bytes = _MANIFEST.max_bytes
WEB = create_web()


def _respond(content: dict[str, Any]) -> Response:
    return Response(json.dumps({"model_version": _VERSION, **content}), media_type="application/json")


def _open_features() -> OnlineFeatures | None:
    folder = BUNDLE / "features"
    return OnlineFeatures(folder) if folder.exists() else None


def _answer_meanwhile() -> contextlib.AbstractContextManager[object]:
    """A doorman, where this process shares a port with others of one server."""
    listener, ready = listener_of(sys.argv), os.environ.get(_READY)
    return Doorman(listener, Path(ready), _STATED) if listener and ready else contextlib.nullcontext()


@bentoml.asgi_app(WEB, path="/", name="web")
@bentoml.service(name="vitrail", traffic={"timeout": _NEVER_S}, workers=_NUM_WORKERS)
class Vitrail:
    """Embeds, classifies and finds similar images with one proven model.

    Every answer states the lineage of what gave it in the header `X-Vitrail-Lineage`.
    """

    def __init__(self) -> None:
        end_with_parent(os.getppid())
        with _answer_meanwhile():
            self._load()
        if ready := os.environ.get(_READY):
            self.ready = hold_ready(Path(ready))

    def _load(self) -> None:
        from vitrail.packaging import Batcher, Engine

        with ThreadPoolExecutor(1) as pool:  # Feast and torch both take seconds to import
            features = pool.submit(_open_features)
            self.engine = Engine(BUNDLE)
            self.searches = Searches(self.engine.gallery, features.result(), _THUMBNAILS)
        self.batcher: Any = Batcher(self.engine.predict, _MANIFEST.max_batch_size)
        num_threads = threads_of_a_worker(_NUM_WORKERS)
        self.engine.use_threads(num_threads)
        self.pictures = PictureLanes(self.engine, num_threads)
        WEB.state.read_thumbnail = self.engine.thumbnail
        WEB.state.search_text = lambda query: {"model_version": _VERSION, **self.searches.find_by_text(query)}
        WEB.state.index_digest = _MANIFEST.index_digest[:12]
        WEB.state.api = describe_api(_VERSION, _MANIFEST.max_bytes)
        WEB.state.about = {
            "model_version": _VERSION,
            "num_images": len(self.engine.gallery.index),
            "domains": self.engine.gallery.index.values("domain"),
            "max_bytes": _MANIFEST.max_bytes,
            "lineage": _STATED,
            "thumbnails": _THUMBNAILS,
        }

    @bentoml.on_deployment
    def verify() -> None:
        """A damaged bundle stops the server at once, before it starts processes that cannot load it."""
        open_bundle(BUNDLE)
        file, os.environ[_READY] = tempfile.mkstemp(prefix="vitrail-ready-")
        os.close(file)
        atexit.register(Path(os.environ[_READY]).unlink, missing_ok=True)

    @bentoml.on_shutdown
    def close(self) -> None:
        """Answers what is waiting."""
        self.batcher.close()

    @bentoml.api(input_spec=ImageUpload, output_spec=Embedding)
    async def embed(self, image: Upload | Refusal, k: int) -> Response:
        """The image's embedding and its binary code."""
        return await self._answer(image, self._embedding)

    @bentoml.api(input_spec=ImageUpload, output_spec=Classification)
    async def classify(self, image: Upload | Refusal, k: int) -> Response:
        """The probability of every class of every task, and the k most probable annotations."""
        return await self._answer(image, self._description)

    @bentoml.api(input_spec=SearchUpload, output_spec=SearchResult)
    async def search(self, image: SearchQuery | Refusal) -> Response:
        """The images of the gallery that are nearest to pictures and to images of the gallery."""
        try:
            return _respond(await self._search(image))
        except Refusal as refusal:
            return refusal.to_response()

    async def _answer(self, upload: Upload | Refusal, describe: Callable[[Any, int], Any]) -> Response:
        try:
            if isinstance(upload, Refusal):
                raise upload
            return _respond(describe(await self._ask_model(upload.image), upload.k))
        except Refusal as refusal:
            return refusal.to_response()

    async def _ask_model(self, picture: bytes) -> Any:
        return await self.batcher.submit(await self.pictures.prepare(picture))

    async def _search(self, query: SearchQuery | Refusal) -> dict[str, Any]:
        if isinstance(query, Refusal):
            raise query
        keys = self.searches.find_keys(query)
        answers = [await self._ask_model(picture) for picture in query.images]
        found = await anyio.to_thread.run_sync(self.searches.find_nearest, query, keys, answers)
        described = answers if query.is_described else []
        return found | {"described": [self._description(answer, DEFAULT_K) for answer in described]}

    def _embedding(self, answer: Any, k: int) -> dict[str, Any]:
        return {"embedding": answer.embedding.tolist(), "code": answer.code.tobytes().hex()}

    def _description(self, answer: Any, k: int) -> dict[str, Any]:
        tasks, summaries, annotations = {}, {}, []
        for name, head in self.engine.heads.items():
            probabilities = answer.probabilities[name]
            if head.label_ids:
                annotations += best_annotations(head, probabilities, k)
                continue
            tasks[name] = dict(zip(head.classes, probabilities.tolist(), strict=True))
            if summary := self.engine.summarise(name, probabilities):
                summaries[name] = summary
        return {"tasks": tasks, "summaries": summaries, "annotations": annotations}


cast("Any", Vitrail).add_asgi_middleware(Envelope, lineage=_STATED, headers=_HEADERS)
