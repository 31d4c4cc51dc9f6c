"""Solid shapes and how a plane through them is painted.

Coordinates are the patient's, in mm: x to the left, y to the back, z to the head
(PS3.3 §C.7.6.2.1.1). Densities are in Hounsfield units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import cos, radians, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Point = tuple[float, float, float]

EDGE = 1.2  # mm over which one tissue turns into the next
AIR = -1000.0


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid; with a `power` above 2 it gets the shoulders of a box."""

    center: Point
    radii: Point
    density: float
    tilt: float = 0.0
    """Degrees by which it is turned around the z axis."""
    power: float = 2.0

    @property
    def box(self) -> tuple[Point, Point]:
        wide, deep, high = self.radii
        if self.tilt:
            wide = deep = max(wide, deep)
        return _box(self.center, self.center, (wide, deep, high))

    def coverage(self, x: Array, y: Array, z: Array) -> Array:
        dx, dy, dz = x - self.center[0], y - self.center[1], z - self.center[2]
        if self.tilt:
            cosine, sine = cos(radians(self.tilt)), sin(radians(self.tilt))
            dx, dy = cosine * dx + sine * dy, cosine * dy - sine * dx
        a, b, c = self.radii
        size = _norm((dx / a, dy / b, dz / c), self.power)
        return _soft((size - 1) * min(self.radii))


@dataclass(frozen=True, slots=True)
class Rod:
    """A rod with round ends, `radius` thick at `start` and `end_radius` at `end`."""

    start: Point
    end: Point
    radius: float
    density: float
    end_radius: float | None = None

    @property
    def box(self) -> tuple[Point, Point]:
        thick = max(self.radius, self.end_radius or 0.0)
        return _box(self.start, self.end, (thick, thick, thick))

    def coverage(self, x: Array, y: Array, z: Array) -> Array:
        along = tuple(e - s for s, e in zip(self.start, self.end, strict=True))
        square = sum(part * part for part in along) or 1.0
        dx, dy, dz = x - self.start[0], y - self.start[1], z - self.start[2]
        t = np.clip((dx * along[0] + dy * along[1] + dz * along[2]) / square, 0, 1)
        away = np.sqrt(
            (dx - t * along[0]) ** 2 + (dy - t * along[1]) ** 2 + (dz - t * along[2]) ** 2
        )
        thin = self.radius if self.end_radius is None else self.end_radius
        return _soft(away - (self.radius + t * (thin - self.radius)))


@dataclass(frozen=True, slots=True)
class Trunk:
    """An upright trunk whose cross-section, a rounded box, changes with height."""

    profile: tuple[tuple[float, float, float], ...]
    """Height, half width and half depth, from the feet up."""
    density: float
    middle: tuple[float, float] = (0.0, 0.0)
    power: float = 2.4

    @property
    def box(self) -> tuple[Point, Point]:
        wide = max(row[1] for row in self.profile)
        deep = max(row[2] for row in self.profile)
        low = (*self.middle, self.profile[0][0])
        high = (*self.middle, self.profile[-1][0])
        return _box(low, high, (wide, deep, 0.0))

    def halves(self, z: Array) -> tuple[Array, Array]:
        """Half width and half depth at heights, 0 beyond the ends."""
        heights, wide, deep = (list(column) for column in zip(*self.profile, strict=True))
        return (
            np.interp(z, heights, wide, 0, 0).astype(np.float32),
            np.interp(z, heights, deep, 0, 0).astype(np.float32),
        )

    def coverage(self, x: Array, y: Array, z: Array) -> Array:
        wide, deep = self.halves(z)
        a, b = np.maximum(wide, np.float32(0.1)), np.maximum(deep, np.float32(0.1))
        size = _norm(((x - self.middle[0]) / a, (y - self.middle[1]) / b), self.power)
        inside = _soft((size - 1) * np.minimum(a, b))
        return np.where(wide > 0, inside, np.float32(0))


Solid = Ellipsoid | Rod | Trunk


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane to paint: axial if its rows run along y, coronal if they run along z."""

    columns: Array
    """x of each column, rising."""
    rows: Array
    """y or z of each row, rising."""
    depth: float
    """z of an axial plane, y of a coronal one."""
    coronal: bool = False

    def paint(self, scene: Scene) -> Picture:
        """The plane through a scene; later shapes displace earlier ones."""
        size = (len(self.rows), len(self.columns))
        picture = Picture(np.full(size, AIR, np.float32), np.zeros(size, np.uint8))
        for part, low, high in scene.cut_by(1 if self.coronal else 2, self.depth):
            self._paint_one(picture, part, low, high)
        return picture

    def _paint_one(self, picture: Picture, part: Part, low: Array, high: Array) -> None:
        up = 2 if self.coronal else 1
        left, right = np.searchsorted(self.columns, (low[0], high[0]))
        first, last = np.searchsorted(self.rows, (low[up], high[up]))
        if left == right or first == last:
            return
        x = self.columns[None, left:right]
        along = self.rows[first:last, None]
        fixed = np.full((1, 1), self.depth, np.float32)
        y, z = (fixed, along) if self.coronal else (along, fixed)
        there = (slice(first, last), slice(left, right))
        coverage = part.solid.coverage(x, y, z)
        densities = picture.densities[there]
        densities += coverage * (np.float32(part.solid.density) - densities)
        if part.label is not None:
            picture.labels[there][coverage > 0.5] = part.label


@dataclass(frozen=True, slots=True)
class Picture:
    """A painted plane."""

    densities: Array
    """(rows, columns), Hounsfield units."""
    labels: NDArray[np.uint8]
    """(rows, columns), the label of the last shape there that has one, else 0."""


@dataclass(frozen=True, slots=True)
class Part:
    """A shape of a scene."""

    solid: Solid
    label: int | None = 0
    """What it is marked as; None leaves the mark of what is around it."""


class Scene:
    """Parts in the order in which they are painted, and the boxes around them."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = list(parts)
        boxes = np.array([part.solid.box for part in self.parts], np.float32)
        self._low = boxes[:, 0]
        self._high = boxes[:, 1]

    def cut_by(self, axis: int, depth: float) -> Iterator[tuple[Part, Array, Array]]:
        """The parts that a plane across an axis may meet, and their boxes."""
        meets = (self._low[:, axis] <= depth) & (depth <= self._high[:, axis])
        for number in np.flatnonzero(meets).tolist():
            yield self.parts[number], self._low[number], self._high[number]


def chain(points: Sequence[Point], radii: Sequence[float], density: float) -> list[Rod]:
    """Rods through points, as thick at each as `radii` says."""
    pairs = zip(points, points[1:], radii, radii[1:], strict=False)
    return [Rod(start, end, thick, density, thin) for start, end, thick, thin in pairs]


def _norm(parts: Sequence[Array], power: float) -> Array:
    total: Array = np.zeros((1, 1), np.float32)
    exponent = np.float32(power)
    for part in parts:
        # A square is several times quicker than a power.
        total = total + (part * part if power == 2 else np.abs(part) ** exponent)
    return np.asarray(np.sqrt(total) if power == 2 else total ** (1 / exponent), np.float32)


def _soft(outside: Array) -> Array:
    return np.asarray(np.clip(0.5 - outside / np.float32(EDGE), 0, 1), np.float32)


def _box(one: Sequence[float], other: Sequence[float], half: Point) -> tuple[Point, Point]:
    low = tuple(min(a, b) - h - EDGE for a, b, h in zip(one, other, half, strict=True))
    high = tuple(max(a, b) + h + EDGE for a, b, h in zip(one, other, half, strict=True))
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])
