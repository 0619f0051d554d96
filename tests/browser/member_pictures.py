"""`make screenshots-client`: every page of the member's client as PNG in docs/screenshots, in three type sizes and in the dark."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

import stage  # noqa: E402
from phone import Phone, ask, demo, people, sign_in  # noqa: E402
from screenshots import FOLDER, _keep  # noqa: E402

LOOKS = {
    "standard": ("standard", "light"),
    "large": ("large", "light"),
    "largest": ("largest", "light"),
    "dark": ("standard", "dark"),
}  # fmt: skip
TALLEST = 1500
MOST = 3 * 1024 * 1024
OF_A_MEMBER = ("calendar", "progress", "me", "mistakes", "review", "reminders", "data", "notice", "correction", "feedback", "leave",
               "sessions", "text?key=report")  # fmt: skip


class Camera:
    def __init__(self, phone: Phone, look: str) -> None:
        self.phone, self.look = phone, look

    async def take(self, name: str) -> None:
        page = self.phone.page
        await page.wait_for_load_state("networkidle")
        await page.evaluate("document.fonts.ready")
        tall = min(await page.evaluate("document.documentElement.scrollHeight"), TALLEST)
        # As tall as the page, so that what is fixed to the foot of the screen stands at the foot of the picture.
        await page.set_viewport_size({"width": 390, "height": max(tall, 844)})
        await page.evaluate("window.scrollTo(0, 0)")
        _keep(await page.screenshot(), FOLDER / f"client-{name}-{self.look}.png")
        await page.set_viewport_size({"width": 390, "height": 844})


async def first_use(camera: Camera, newcomer: dict) -> None:
    phone = camera.phone
    await phone.open()
    await phone.sees("先请您看一看")
    await camera.take("start")
    await phone.tap("同意并继续")
    await phone.sees("选择一个人物")
    await camera.take("phones")
    await phone.tap(newcomer["name"])
    await phone.sees("实名绑定")
    await phone.fill("姓名", newcomer["name"])
    await camera.take("bind")


async def a_day(camera: Camera, base: str, person: dict) -> None:
    phone = camera.phone
    await phone.open(f"?openid={person['openid']}")
    if await phone.button("同意并继续").count():
        await phone.tap("同意并继续")
    await phone.sees("导读")
    questions = ask(base, "GET", "/api/v1/tasks/today", token=sign_in(base, person["openid"]))["task"]["questions"]
    await camera.take("today")
    await phone.tap("读完了，开始答题")
    await phone.sees(questions[0]["stem"])
    await camera.take("question")
    await phone.answer(questions[0], rightly=False, look=lambda: camera.take("question-wrong"))
    for question in questions[1:]:
        await phone.answer(question)
    await phone.sees("读完了，也答完了")
    await phone.tap("写一点体会（选填）")
    await phone.fill("心得体会（选填）", "每天读一段，答几道题，收获不小。")
    await camera.take("finish")
    await phone.context.set_offline(True)
    await phone.tap("打卡")
    await phone.sees("已完成，等待发送")
    await camera.take("waiting")
    await phone.context.set_offline(False)
    await phone.sees("打卡完成")
    await camera.take("receipt")


async def around(camera: Camera, places: tuple[str, ...]) -> None:
    for place in places:
        name, _, query = place.partition("?")
        await camera.phone.open(f"pages/{name}/{name}" + (f"?{query}" if query else ""))
        await camera.phone.page.locator("uni-page-body .h1").first.wait_for()
        await camera.take(name)


async def shoot() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("client-*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        async with demo(Path(folder)) as base, stage.chromium() as browser:
            found = people(base)
            newcomer = next(one for one in found if not one["bound"])
            members = [one for one in found if one["bound"] and not one["roles"]]
            head = next(one for one in found if "unit_head" in one["roles"])
            for number, (look, (size, scheme)) in enumerate(LOOKS.items()):
                phone = await Phone.of(browser, base, color_scheme=scheme)
                kept = f"JSON.stringify({{type: 'string', data: JSON.stringify('{size}')}})"
                await phone.context.add_init_script(f"localStorage.setItem('daka.size', {kept})")
                camera = Camera(phone, look)
                await first_use(camera, newcomer)
                await a_day(camera, base, members[number])
                await around(camera, OF_A_MEMBER)
                await phone.open(f"?openid={head['openid']}")
                await phone.page.evaluate("localStorage.removeItem('daka.session')")
                await phone.open("pages/start/start")
                await phone.sees("导读")
                await around(camera, ("unit",))
                await phone.tap("代录")
                await camera.take("unit-record")
                # Such a code as a console's sign-in page shows.
                await phone.open(f"?scene=IN00000000{'A' * 20}")
                await phone.sees("进入控制台？")
                await camera.take("console")
                await phone.context.close()
    weight = sum(shot.stat().st_size for shot in FOLDER.glob("client-*.png"))
    print(f"{len(list(FOLDER.glob('client-*.png')))} 张截图，共 {weight / 1024 / 1024:.1f} MB：{FOLDER}")
    if weight > MOST:
        raise SystemExit("截图合计超过 3 MB")


if __name__ == "__main__":
    asyncio.run(shoot())
