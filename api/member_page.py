"""The member's page at /m/: the mini-program's own source, built for a browser (miniprogram/), as static files.

Where it has not been built the page says so; `make run` builds it beside the service, the image brings it along.
"""

from __future__ import annotations

import mimetypes
from email.utils import formatdate
from pathlib import Path

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from backend.kernel.errors import NotFound

blueprint = Blueprint("member_page", url_prefix="/m")
BUILT = Path(__file__).parent / "static" / "m"
NOT_BUILT = Path(__file__).parent / "static" / "not-built"
# A file's name holds the hash of what is in it, so it never changes; the page itself is asked for again each time.
FOR_EVER, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"


@blueprint.get("/", strict_slashes=True)
async def front(request: Request) -> HTTPResponse:
    return page(request)


@blueprint.get("/<path:path>")
async def file(request: Request, path: str) -> HTTPResponse:
    """A file of the build; a route of the page (it has no ending) is the page itself. Raises NotFound."""
    found = (BUILT / path).resolve()
    if found.is_relative_to(BUILT.resolve()) and found.is_file() and not found.name.startswith("."):
        return sent(request, found, FOR_EVER if path.startswith("assets/") else ASK_AGAIN)
    if "." in path.rpartition("/")[2]:
        raise NotFound()
    return page(request)


def page(request: Request) -> HTTPResponse:
    index = BUILT / "index.html"
    if index.is_file():
        return sent(request, index, ASK_AGAIN)
    name = "demo.html" if request.app.ctx.settings.demo else "service.html"
    return HTTPResponse((NOT_BUILT / name).read_bytes(), 503, {"Cache-Control": "no-store"}, "text/html; charset=utf-8")


def sent(request: Request, path: Path, caching: str) -> HTTPResponse:
    """The file, packed where the build has a packed one and the browser takes it; 304 where the browser has it already."""
    packed = path.with_name(path.name + ".gz")
    takes_packed = packed.is_file() and "gzip" in (request.headers.get("accept-encoding") or "")
    chosen = packed if takes_packed else path
    stat = chosen.stat()
    tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    headers = {"Cache-Control": caching, "ETag": tag, "Vary": "Accept-Encoding", "Last-Modified": formatdate(stat.st_mtime, usegmt=True)}
    if tag in (request.headers.get("if-none-match") or ""):
        return HTTPResponse(status=304, headers=headers)
    if takes_packed:
        headers["Content-Encoding"] = "gzip"
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return HTTPResponse(chosen.read_bytes(), headers=headers, content_type=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)


@blueprint.get("", strict_slashes=True, name="without_slash")
async def without_slash(request: Request) -> HTTPResponse:
    return redirect(f"/m/?{request.query_string}" if request.query_string else "/m/")
