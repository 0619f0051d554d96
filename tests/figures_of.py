"""Reading /metrics as Prometheus does."""

from __future__ import annotations

from door import Door
from prometheus_client.parser import text_string_to_metric_families


async def figures_of(door: Door, **headers: str) -> dict[tuple[str, frozenset], float]:
    """Every sample by (name, labels)."""
    reply = await door.get("/metrics", root=True, headers=headers)
    assert reply.status == 200, reply.body
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


def value(figures: dict[tuple[str, frozenset], float], name: str, **labels: str) -> float:
    """The sample of exactly these labels; 0 where there is none yet."""
    return figures.get((name, frozenset(labels.items())), 0.0)
