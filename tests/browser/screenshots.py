"""`make screenshots`: every page of the console as PNG in docs/screenshots, at both sizes, and at the desk in the dark too."""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

import stage  # noqa: E402
from PIL import Image  # noqa: E402

FOLDER = Path(__file__).parent.parent.parent / "docs" / "screenshots"
SHOTS = (("desk", "light"), ("desk", "dark"), ("phone", "light"))
TALLEST = {"desk": 1600, "phone": 1700}
MOST = 6 * 1024 * 1024


async def shoot() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("console-*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        async with stage.demo(Path(folder)) as service, stage.chromium() as browser:
            for name, address, role in await stage.every_page(browser, service):
                for size, scheme in SHOTS:
                    async with stage.window(browser, service, role=role, size=size, scheme=scheme) as (page, _):
                        await page.goto(service.base + address, wait_until="load")
                        await page.evaluate("document.fonts.ready")
                        await page.wait_for_timeout(400)  # a chart draws itself in steps
                        tall = await page.evaluate("document.documentElement.scrollHeight")
                        width, height = stage.SIZES[size]
                        clip = {"x": 0, "y": 0, "width": width, "height": min(max(tall, height), TALLEST[size])}
                        raw = await page.screenshot(full_page=True, clip=clip)
                    _keep(raw, FOLDER / f"console-{name}-{size}{'-dark' if scheme == 'dark' else ''}.png")
    shots = sorted(FOLDER.glob("console-*.png"))
    weight = sum(shot.stat().st_size for shot in shots)
    print(f"{len(shots)} 张截图，共 {weight / 1024 / 1024:.1f} MB：{FOLDER}")
    if weight > MOST:
        raise SystemExit("截图合计超过 6 MB")


def _keep(raw: bytes, path: Path) -> None:
    """Flat pages need few colours."""
    image = Image.open(io.BytesIO(raw)).convert("RGB").quantize(colors=96, dither=Image.Dither.NONE)
    image.save(path, optimize=True)


if __name__ == "__main__":
    asyncio.run(shoot())
