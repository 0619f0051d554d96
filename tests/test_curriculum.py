"""Loading the shipped pack: complete, repeatable, and refused as a whole when one file is not sound."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from door import Door

from backend import curriculum
from backend.kernel.database import fetch
from backend.kernel.errors import Invalid

PACK = Path(__file__).parent.parent / "curriculum"


async def test_the_shipped_pack_loads_and_loading_it_again_changes_nothing(door: Door):
    counts = await curriculum.load(PACK)
    assert (counts["aspects"], counts["units"]) == (9, 29)
    again = await curriculum.load(PACK)
    assert (again["questions"], again["new"], again["changed"]) == (counts["questions"], 0, 0)
    shipped = (await fetch("SELECT COUNT(*) AS n FROM question WHERE branch_id IS NULL AND key IS NOT NULL"))[0]["n"]
    assert shipped == counts["questions"] >= 360
    units = await fetch(
        "SELECT s.key, COUNT(p.id) AS passages FROM section s JOIN text x ON x.id = s.text_id LEFT JOIN passage p ON p.section_id = s.id "
        "AND p.retired_at IS NULL WHERE x.branch_id IS NULL AND x.key = 'report' GROUP BY s.key"
    )
    assert len(units) == 16 and all(unit["passages"] >= 1 for unit in units)


async def test_every_aspect_has_something_to_read_and_to_ask(door: Door):
    await curriculum.load(PACK)
    for table in ("passage_aspect", "question_aspect"):
        rows = await fetch(f"SELECT DISTINCT aspect_id FROM {table}")  # noqa: S608
        assert {row["aspect_id"] for row in rows} >= set(range(1, 10))


@pytest.mark.parametrize(
    "name, change, named",
    [
        ("aspect-3.yaml", lambda text: text.replace("id: 3", "id: 33", 1), "aspect-3.yaml"),
        ("aspect-1.yaml", lambda text: text.replace("unit: s0", "unit: s99", 1), "出处|aspect-1"),
        ("texts.yaml", lambda text: "texts: [", "YAML"),
        ("pack.yaml", lambda text: text.replace("aspect-9.yaml", "aspect-10.yaml"), "aspect-10|pack"),
    ],
)
async def test_a_pack_with_a_fault_is_refused_as_a_whole(door: Door, tmp_path: Path, name: str, change, named: str):
    folder = tmp_path / "pack"
    shutil.copytree(PACK, folder)
    (folder / name).write_text(change((folder / name).read_text("utf-8")), "utf-8")
    with pytest.raises(Invalid, match=named):
        await curriculum.load(folder)
