"""Whose figures a person may read: the own branch, the own unit, or (figures only) the branches below."""

from __future__ import annotations

from dataclasses import dataclass

from backend.kernel import access
from backend.kernel.access import EDITOR, OBSERVER, SECRETARY, UNIT_HEAD, Actor
from backend.kernel.database import fetch
from backend.kernel.errors import Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class Scope:
    """`path` is the subtree whose figures are asked for, or None for the one branch `branch_id`; `unit_id` narrows to one unit.

    `whole` is set for an observer alone: the path of everything that may be read, by which small cells are hidden.
    """

    branch_id: int
    path: str | None = None
    unit_id: int | None = None
    whole: str | None = None

    @property
    def figures_only(self) -> bool:
        return self.whole is not None

    def where(self, column: str, *, path: str | None = None) -> str:
        """An SQL condition on a branch id; `path` in place of the scope's own. Paths are digits and slashes."""
        path = path or self.path
        if path is None:
            return f"{column} = {int(self.branch_id)}"
        if not set(path) <= set("0123456789/"):
            raise ValueError(f"not a branch path: {path!r}")
        return f"{column} IN (SELECT id FROM branch WHERE path LIKE '{path}%')"  # noqa: S608


def sees_people(actor: Actor) -> bool:
    """Whether the figures that `scope_of` gives this actor may be followed down to the people behind them."""
    return bool(actor.roles & {SECRETARY, EDITOR}) or (UNIT_HEAD in actor.roles and OBSERVER not in actor.roles)


async def scope_of(actor: Actor, *, branch_id: int | None = None, across: bool = False) -> Scope:
    """The widest scope that one of the actor's roles gives: secretary and editor before observer before unit head.

    `across`: branches are compared, which is the observer's view of them. Raises NotFound for a branch outside the scope,
    Forbidden without a role for figures.
    """
    access.require(actor, "stats.read")
    is_own = branch_id in (None, actor.branch_id)
    if actor.roles & {SECRETARY, EDITOR} and is_own and not (across and OBSERVER in actor.roles and branch_id is None):
        return Scope(actor.branch_id)
    if OBSERVER in actor.roles:
        path = actor.branch_path if is_own else await _path_below(actor, branch_id)
        return Scope(branch_id or actor.branch_id, path=path, whole=actor.branch_path)
    if not is_own:
        raise NotFound()
    if UNIT_HEAD in actor.roles and actor.unit_id is None:
        raise Forbidden("您还没有编入专业委员会，请联系书记。")
    return Scope(actor.branch_id, unit_id=actor.unit_id)


async def _path_below(actor: Actor, branch_id: int | None) -> str:
    rows = await fetch("SELECT path FROM branch WHERE id = $1 AND path LIKE $2 || '%'", branch_id, actor.branch_path)
    if not rows:
        raise NotFound()
    return rows[0]["path"]
