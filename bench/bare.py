"""What the framework alone can do: Sanic answers GET with one JSON document, and POST with the JSON body that came, decoded and encoded.

`python -m bench.bare PORT WORKERS [FILE]`.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path

from sanic import Request, Sanic
from sanic.response import HTTPResponse
from sanic.response import json as json_response
from sanic.worker.loader import AppLoader


def create_app(document: str) -> Sanic:
    app = Sanic("bare", configure_logging=False)
    answer = json.loads(Path(document).read_text("utf-8")) if document else {}

    @app.get("/")
    @app.get("/<path:path>", name="anywhere")
    async def reply(request: Request, path: str = "") -> HTTPResponse:
        return json_response(answer)

    @app.post("/<path:path>")
    async def echo(request: Request, path: str) -> HTTPResponse:
        return json_response(request.json)

    return app


if __name__ == "__main__":
    port, workers = int(sys.argv[1]), int(sys.argv[2])
    loader = AppLoader(factory=functools.partial(create_app, sys.argv[3] if len(sys.argv) > 3 else ""))
    app = loader.load()
    if workers == 1:
        app.run(host="127.0.0.1", port=port, single_process=True, access_log=False, motd=False)
    else:
        app.prepare(host="127.0.0.1", port=port, workers=workers, access_log=False, motd=False)
        Sanic.serve(primary=app, app_loader=loader)
