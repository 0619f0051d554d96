"""A browser at the secretary's desk, without a browser: it keeps cookies, fills in forms, and says what a page cost."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http.cookies import SimpleCookie

from door import Door, Reply
from people import Cast, Person
from queries import counting

from backend import console_links, figures
from backend.kernel import clock
from backend.kernel.database import transactional
from console.http import PAGES, Page
from models.members import Member, Standing, Status, Tier
from models.plans import PlanMember


def cookies_of(reply: Reply) -> dict[str, str]:
    jar = SimpleCookie()
    for header in reply.headers.getall("Set-Cookie", []):
        jar.load(header)
    return {name: morsel.value for name, morsel in jar.items()}


def text(reply: Reply) -> str:
    return reply.body.decode()


def csrf_in(reply: Reply) -> str:
    return re.search(r'name="csrf" value="([0-9a-f]{64})"', text(reply))[1]


class Desk:
    """A browser at the desk: it keeps cookies and fills in forms."""

    def __init__(self, door: Door) -> None:
        self.door, self.cookies = door, {}

    async def _ask(self, method: str, path: str, **kwargs: object) -> Reply:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**({"Cookie": jar} if jar else {}), **kwargs.pop("headers", {})}
        reply = await self.door.ask(method, f"/console{path}", root=True, headers=headers, **kwargs)
        for name, value in cookies_of(reply).items():
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value
        return reply

    async def see(self, path: str = "/") -> Reply:
        return await self._ask("GET", path)

    async def send(self, path: str, **fields: str) -> Reply:
        return await self._ask("POST", path, data=fields)

    async def enter(self, person: Person) -> Desk:
        return await self.enter_by(await console_links.create(None, member_id=person.id))

    async def enter_by(self, link: str) -> Desk:
        """With the token of a one-time link."""
        shown = await self.see(f"/enter?token={link}")
        assert shown.status == 200
        entered = await self.send("/enter", csrf=csrf_in(shown), token=link)
        assert (entered.status, entered.headers["Location"]) == (303, "/console/")
        return self

    async def cost(self, path: str) -> tuple[Reply, int]:
        """The page, seen for the second time, and how many statements it took."""
        await self.see(path)
        with counting() as statements:
            reply = await self.see(path)
        return reply, len(statements)


@transactional
async def grow(cast: Cast, *, to: int) -> None:
    """Fills the branch up to `to` members on three committees and all tiers, all of them in the audience of `cast.plan`."""
    there = await Member.filter(branch=cast.branch).count()
    names, since = [f"党员{number}" for number in range(there, to)], cast.plan.starts_on
    await Member.bulk_create([Member(branch=cast.branch, name=name, joined_on=since, created_at=clock.now()) for name in names])
    added = await Member.filter(branch=cast.branch, name__in=names).order_by("id")
    units, tiers, statuses = [None, *cast.units], list(Tier), list(Status)
    await Standing.bulk_create(
        Standing(member=member, unit=units[n % 3], tier=tiers[n % 4], status=statuses[n % 4], starts_on=clock.today().min)
        for n, member in enumerate(added)
    )
    await PlanMember.bulk_create([PlanMember(plan=cast.plan, member=member, starts_on=since) for member in added])
    await figures.recount(await cast.plan.tasks.all().values_list("id", flat=True))


def pattern(page: Page) -> re.Pattern[str]:
    """What an address of this page looks like."""
    return re.compile(re.sub(r"<\w+(?::(\w+))?>", lambda held: r"\d+" if held[1] == "int" else r"[^/?#]+", page.path))


def addresses(seen: Iterable[str]) -> dict[str, str]:
    """path of a GET page -> an address of it: itself where it holds nothing, else the first link to it in the pages `seen`."""
    links = [link.partition("#")[0] for body in seen for link in re.findall(r'href="(/console/[^"]*)"', body)]
    found = {}
    for page in PAGES:
        if page.method == "GET":
            fitting = [link for link in links if pattern(page).fullmatch(link.partition("?")[0])]
            if "<" not in page.path or fitting:
                found[page.path] = page.path if "<" not in page.path else fitting[0]
    return found
