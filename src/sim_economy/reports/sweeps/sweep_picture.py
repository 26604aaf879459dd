"""The picture of a sweep: a map, curves or clouds, by what was varied."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from sim_economy.reports.drawings.sweep_figures import (
    Curve,
    Plane,
    Scatter,
    curves,
    heat_maps,
    lying_points,
    scatters,
)
from sim_economy.reports.page.document import Figure

if TYPE_CHECKING:
    import polars

_PANELS_MAX: Final = 4
_CURVES_MAX: Final = 6
_CLOUDS_MAX: Final = 12
_NAMES_MAX: Final = 30


def sweep_picture(
    points: polars.DataFrame, keys: dict[str, bool], metric: str, meaning: str
) -> Figure:
    """What a metric is at each point.

    Args:
        keys: Whether each key that was varied is a number.
    """
    distinct = {key: points[key].n_unique() for key in keys}
    is_grid = math.prod(distinct.values()) == points.height
    axes = sorted((key for key in keys if keys[key]), key=lambda key: -distinct[key])
    rest = [key for key in keys if key not in axes[:2]]
    panels = math.prod(distinct[key] for key in rest)
    title = meaning[:1].upper() + meaning[1:]
    if is_grid and len(axes) > 1 and distinct[axes[1]] > 1 and panels <= _PANELS_MAX:
        return _map(points, axes[:2], rest, metric, title)
    rest = [key for key in keys if key not in axes[:1]]
    lines = math.prod(distinct[key] for key in rest)
    if is_grid and axes and distinct[axes[0]] > 1 and lines <= _CURVES_MAX:
        return _curves(points, axes[0], rest, metric, title)
    if axes:
        return _clouds(points, axes[:_CLOUDS_MAX], metric, title)
    return _names(points, list(keys), metric, title)


def _values(points: polars.DataFrame, key: str) -> list[Any]:
    return points[key].unique().sort().to_list()


def shown_value(value: Any) -> str:
    """A value of a key as a figure names it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parts(points: polars.DataFrame, rest: Sequence[str]) -> list[tuple[str, polars.DataFrame]]:
    """The points of each combination of further keys, with its name."""
    found = []
    for values in product(*(_values(points, key) for key in rest)):
        part = points
        for key, value in zip(rest, values, strict=True):
            part = part.filter(part[key] == value)
        name = ", ".join(
            f"{key} = {shown_value(value)}" for key, value in zip(rest, values, strict=True)
        )
        found.append((name, part))
    return found


def _map(
    points: polars.DataFrame, axes: Sequence[str], rest: Sequence[str], metric: str, title: str
) -> Figure:
    across, up = axes
    columns, rows = _values(points, across), _values(points, up)
    planes = []
    for name, part in _parts(points, rest):
        held = dict(
            zip(
                zip(part[up].to_list(), part[across].to_list(), strict=True),
                part[f"{metric}_mean"].to_list(),
                strict=True,
            )
        )
        values = [[held[row, column] for column in columns] for row in rows]
        planes.append(
            Plane(
                title=name,
                across=[*map(shown_value, columns)],
                up=[*map(shown_value, rows)],
                values=values,
            )
        )
    return Figure(
        name="map",
        caption=f"{title} at each point: {across} across, {up} up",
        drawing=heat_maps(planes, title, across, up),
        narrow=heat_maps(planes, title, across, up, narrow=True),
        rows=_rows(points, [*axes, *rest], metric),
    )


def _curves(
    points: polars.DataFrame, axis: str, rest: Sequence[str], metric: str, title: str
) -> Figure:
    lines = []
    for name, part in _parts(points, rest):
        ordered = part.sort(axis).drop_nulls(f"{metric}_mean")
        spread = [math.sqrt(own or 0) for own in ordered[f"{metric}_variance"].to_list()]
        lines.append(
            Curve(
                name=name,
                across=ordered[axis].to_list(),
                means=ordered[f"{metric}_mean"].to_list(),
                deviations=spread,
            )
        )
    return Figure(
        name="curves",
        caption=f"{title} by {axis}; the bands are one standard deviation between seeds",
        drawing=curves(lines, title, axis, title),
        narrow=curves(lines, title, axis, title, narrow=True),
        rows=_rows(points, [axis, *rest], metric),
    )


def _clouds(points: polars.DataFrame, axes: Sequence[str], metric: str, title: str) -> Figure:
    played = points.drop_nulls(f"{metric}_mean")
    up = played[f"{metric}_mean"].to_list()
    panels = [Scatter(name=key, across=played[key].to_list(), up=up) for key in axes]
    return Figure(
        name="clouds",
        caption=f"{title} of each point by each key",
        drawing=scatters(panels, title, title),
        narrow=scatters(panels, title, title, narrow=True),
        rows=_rows(points, axes, metric),
    )


def _names(points: polars.DataFrame, keys: Sequence[str], metric: str, title: str) -> Figure:
    shown = points.drop_nulls(f"{metric}_mean").head(_NAMES_MAX)
    names = [", ".join(map(shown_value, row)) for row in shown.select(keys).rows()]
    means = shown[f"{metric}_mean"].to_list()
    return Figure(
        name="points",
        caption=f"{title} of each point",
        drawing=lying_points(names, means, title, title),
        narrow=lying_points(names, means, title, title, narrow=True),
        rows=_rows(points, keys, metric),
    )


def _rows(points: polars.DataFrame, keys: Sequence[str], metric: str) -> list[dict[str, Any]]:
    return points.select("point", *keys, f"{metric}_mean", f"{metric}_variance", "runs").to_dicts()
