"""A chest of simple solids: enough anatomy to look at, and nobody's."""

from __future__ import annotations

from functools import cache
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from filmroom.demo.shapes import Ellipsoid, Part, Point, Rod, Scene, Solid, Trunk, chain

FAT, MUSCLE, LUNG = -100.0, 50.0, -865.0
BLOOD, HEART_MUSCLE, LIVER, SPLEEN = 210.0, 95.0, 105.0, 120.0
BONE, MARROW, CARTILAGE, DISC = 720.0, 190.0, 120.0, 85.0
SOFT, WATER, GAS = 35.0, 12.0, -985.0

SKIN = Trunk(
    ((-170, 158, 118), (-60, 170, 121), (40, 172, 118), (110, 160, 106), (170, 128, 84)),
    FAT,
    power=2.2,
)
WALL = Trunk(
    ((-170, 138, 99), (-60, 151, 104), (40, 156, 103), (110, 148, 94), (170, 116, 72)),
    MUSCLE,
    power=2.2,
)
CAVITY = Trunk(
    (
        (-120, 124, 84), (-60, 133, 91), (0, 132, 91), (50, 120, 83),
        (85, 99, 70), (108, 76, 56), (124, 54, 40), (134, 30, 22), (137, 8, 6),
    ),
    LUNG,
    middle=(0.0, 2.0),
    power=2.2,
)  # fmt: skip
MEDIASTINUM = Trunk(
    ((-170, 30, 62), (-60, 26, 66), (0, 25, 66), (70, 28, 62), (137, 36, 46), (170, 40, 44)),
    SOFT - 55,
    middle=(2.0, 8.0),
)
NODULE: Point = (-84.0, 18.0, 22.0)
NODULE_RADIUS = 8.5  # mm
NODULE_BODY = Ellipsoid(NODULE, (NODULE_RADIUS,) * 3, 45.0)

VERTEBRA = 25.0  # mm from one to the next
RIBS = 11
LUNG_LABEL, NODULE_LABEL = 1, 2
SEED = 20240115
THINNEST = 0.8  # mm: vessels below are not drawn


def chest(*, with_table: bool = True) -> Scene:
    """Everything, in the order in which it is painted; lungs and nodule are labelled."""
    couch = [Part(solid) for solid in table()] if with_table else []
    return Scene(
        [
            *couch,
            Part(SKIN),
            Part(WALL),
            Part(CAVITY, LUNG_LABEL),
            *(Part(solid, None) for solid in in_the_lungs()),
            Part(NODULE_BODY, NODULE_LABEL),
            *(Part(solid) for solid in beside_the_lungs()),
        ]
    )


def in_the_lungs() -> list[Solid]:
    """Vessels, and the strands that lead to the nodule."""
    x, y, z = NODULE
    rays = [(12, 4, 3), (-13, 5, -2), (3, -14, 5), (-5, 12, 8), (6, 6, -13), (-8, -9, 7)]
    strands = [Rod(NODULE, (x + a, y + b, z + c), 1.6, -300.0, 0.5) for a, b, c in rays]
    return [*lung_vessels(), *strands]


def beside_the_lungs() -> list[Solid]:
    """What takes its room from the lungs."""
    return [
        *below_the_diaphragm(),
        MEDIASTINUM,
        Ellipsoid((0, -62, -5), (7, 32, 130), FAT + 30),  # between the lungs in front
        *great_vessels(),
        *heart(),
        *airways(),
        *bones(),
    ]


def table() -> list[Solid]:
    """The couch: foam between two skins."""
    skin = Trunk(((-200, 178, 17), (200, 178, 17)), -250.0, middle=(0.0, 139.0), power=5)
    foam = Trunk(((-200, 175, 14), (200, 175, 14)), -930.0, middle=(0.0, 139.0), power=5)
    return [skin, foam]


def below_the_diaphragm() -> list[Solid]:
    """Liver, spleen and stomach, whose domes push the lungs up."""
    return [
        Ellipsoid((-38, 0, -168), (110, 92, 96), LIVER, power=2.2),
        Ellipsoid((66, -4, -172), (66, 84, 84), MUSCLE, power=2.2),
        Ellipsoid((62, -22, -176), (44, 48, 62), WATER + 20),
        Ellipsoid((60, -48, -160), (30, 18, 36), GAS),
        Ellipsoid((92, 42, -172), (34, 34, 52), SPLEEN, tilt=30),
        *chain(((-60, -10, -150), (-30, 5, -120), (-22, 22, -90)), (6, 9, 11), 150.0),
    ]


def heart() -> list[Solid]:
    """Muscle and four chambers."""
    return [
        Ellipsoid((24, -28, -44), (66, 47, 56), FAT + 20, tilt=28),
        Ellipsoid((26, -26, -42), (60, 42, 51), HEART_MUSCLE, tilt=28),
        Ellipsoid((46, -16, -50), (30, 18, 30), BLOOD, tilt=34),
        Ellipsoid((8, -46, -46), (30, 14, 30), BLOOD - 30, tilt=24),
        Ellipsoid((14, 16, -16), (32, 17, 24), BLOOD - 5, tilt=-4),
        Ellipsoid((-26, -18, -34), (19, 23, 32), BLOOD - 20),
        Rod((-24, 2, -120), (-26, -4, -60), 12, BLOOD - 60),
    ]


def great_vessels() -> list[Solid]:
    """Aorta, pulmonary arteries and the superior vena cava."""
    arch = [
        (-6 + 17 * (1 - cos(t)), -14 + 66 * (1 - cos(t)) / 2, 52 + 22 * sin(t)) for t in _steps(9)
    ]
    return [
        *chain(((4, -14, -20), (-8, -16, 20), (-6, -14, 52)), (15, 16, 15), BLOOD),
        *chain(arch, [15, 15, 14.5, 14, 14, 13.5, 13, 13, 12.5], BLOOD),
        *chain((arch[-1], (24, 56, 0), (14, 54, -170)), (12.5, 12, 11), BLOOD),
        Rod((-6, -6, 70), (-12, -4, 150), 6, BLOOD),
        Rod((10, 14, 72), (20, 8, 150), 4.5, BLOOD),
        *chain(((12, -38, -10), (18, -22, 14), (20, -2, 28)), (14, 14, 13), BLOOD - 20),
        *chain(((20, -2, 28), (-20, 6, 24), (-54, 14, 12)), (11, 11, 8), BLOOD - 20),
        *chain(((20, -2, 28), (44, 14, 30), (62, 22, 16)), (11, 10, 8), BLOOD - 20),
        *chain(((-26, -6, -20), (-30, -8, 40), (-34, -14, 110)), (10, 9.5, 8), BLOOD + 60),
        Rod((30, -20, 118), (-32, -16, 92), 6, BLOOD + 90),
    ]


def airways() -> list[Solid]:
    """Trachea, main bronchi, and the gullet behind them."""
    shapes: list[Solid] = [
        *chain(((4, 34, 170), (6, 40, 40), (12, 40, -60), (26, 30, -130)), (7, 7, 8, 8), SOFT + 5),
        *chain(((4, 33, 170), (6, 39, 60)), (1.5, 2), GAS),
    ]
    for grown, density in ((1.6, SOFT), (0.0, GAS)):
        shapes += chain(((0, 10, 170), (0, 14, 100), (0, 20, 48)), [8.5 + grown] * 3, density)
        shapes += chain(
            ((0, 20, 48), (-24, 22, 26), (-48, 24, 8)), (7.5 + grown, 7 + grown, 5), density
        )
        shapes += chain(
            ((0, 20, 48), (28, 26, 20), (54, 28, 2)), (7 + grown, 6.5 + grown, 4.5), density
        )
    return shapes


def bones() -> list[Solid]:
    """Spine, ribs, breastbone, collarbones and shoulder blades."""
    return [*spine(), *ribs(), *girdle()]


def spine() -> list[Solid]:
    """Vertebrae with discs between them."""
    shapes: list[Solid] = []
    for number in range(-8, 9):
        z = number * VERTEBRA
        shapes += [
            Ellipsoid((0, 66, z + VERTEBRA / 2), (17, 14, 4.5), DISC, power=3.5),
            Ellipsoid((0, 66, z), (18, 15, 10.6), BONE, power=4),
            Ellipsoid((0, 66, z), (16.2, 13.2, 9), MARROW, power=4),
            Rod((-11, 80, z + 2), (-32, 90, z + 4), 4.6, BONE - 150),
            Rod((11, 80, z + 2), (32, 90, z + 4), 4.6, BONE - 150),
            Rod((-9, 96, z), (0, 104, z - 4), 4.2, BONE - 100),
            Rod((9, 96, z), (0, 104, z - 4), 4.2, BONE - 100),
            Rod((0, 104, z - 3), (0, 116, z - 14), 3.4, BONE - 200),
        ]
    shapes.append(Rod((0, 87, -200), (0, 87, 200), 8.5, WATER))
    shapes.append(Rod((0, 87, -200), (0, 87, 200), 5.0, SOFT + 8))
    return shapes


def ribs() -> list[Solid]:
    """Each rib from its vertebra around the cavity and down, its end of cartilage."""
    shapes: list[Solid] = []
    for number in range(RIBS):
        top = 128.0 - VERTEBRA * number
        fall = 34.0 + 5.0 * min(number, 5)
        for side in (-1.0, 1.0):
            path = [_on_the_cage(t, side, top, fall) for t in np.linspace(0.22, 2.72, 22)]
            bony = 17 if number < 8 else 14
            thick = [5.4] * bony
            shapes += chain(path[:bony], thick, BONE - 60)
            shapes += chain(path[: bony - 1], [3.4] * bony, MARROW - 20)
            if number < 8:
                shapes += chain(path[bony - 1 :], [5.0] * 9, CARTILAGE)
    return shapes


def _on_the_cage(angle: float, side: float, top: float, fall: float) -> Point:
    z = top - fall * (1 - cos(angle)) / 2
    wide, deep = CAVITY.halves(np.array([max(min(z, 112.0), -118.0)], np.float32))
    return (
        side * (float(wide[0]) + 6.5) * sin(angle) ** 0.9,
        2.0 + (float(deep[0]) + 6.0) * cos(angle),
        z,
    )


def girdle() -> list[Solid]:
    """Breastbone, collarbones, shoulder blades."""
    shapes: list[Solid] = [
        Ellipsoid((0, -84, 72), (24, 7, 24), BONE - 120, power=3),
        Ellipsoid((0, -84, 72), (21, 4.6, 21), MARROW, power=3),
        Ellipsoid((0, -98, 2), (15, 6.5, 54), BONE - 160, power=3),
        Ellipsoid((0, -98, 2), (12.5, 4.2, 51), MARROW, power=3),
    ]
    for side in (-1.0, 1.0):
        collar = ((side * 18, -78, 100), (side * 62, -74, 116), (side * 112, -34, 128))
        blade = ((side * 92, 82, 106), (side * 108, 92, 60), (side * 104, 100, 6))
        shapes += chain(collar, (7, 6, 6), BONE)
        shapes += chain(collar, (4, 3.5, 3.5), MARROW)
        shapes += chain(blade, (4.5, 4, 3.5), BONE - 120)
        shapes += chain(((side * 92, 82, 106), (side * 126, 60, 112)), (5, 6), BONE - 80)
        shapes += chain(((side * 96, 86, 96), (side * 126, 78, 40)), (3, 3), BONE - 200)
    return shapes


@cache
def lung_vessels() -> tuple[Solid, ...]:
    """Two trees that branch from where the pulmonary vessels enter the lungs."""
    chance = np.random.default_rng(SEED)
    shapes: list[Solid] = []
    for side in (-1.0, 1.0):
        for x, y, z in LOBES:
            aim = np.array([side * x, y, z])
            _branch(shapes, chance, (side * 46, 16, 10), aim, 4.4, 30.0)
    return tuple(shapes)


LOBES = (
    (0.5, -0.5, 0.8), (0.9, 0.1, 0.5), (0.8, 0.5, 0.2), (0.8, -0.5, -0.2), (0.5, 0.5, -0.9),
    (0.2, 0.3, 1.0), (0.7, 0.0, -0.8), (0.2, 0.9, 0.3), (0.3, -0.9, 0.2),
)  # fmt: skip


def _branch(
    shapes: list[Solid],
    chance: np.random.Generator,
    start: Point,
    aim: NDArray[np.float64],
    radius: float,
    length: float,
) -> None:
    if radius < THINNEST:
        return
    for _ in range(6):  # tries to stay within the lung
        turned = aim / np.linalg.norm(aim) + chance.normal(0, 0.28, 3)
        step = turned / np.linalg.norm(turned) * length
        end = (start[0] + float(step[0]), start[1] + float(step[1]), start[2] + float(step[2]))
        if _is_in_lung(end):
            break
    else:
        return
    shapes.append(Rod(start, end, radius, 60.0, radius * 0.8))
    for _ in range(3 if radius < 2 else 2):
        parted = turned + chance.normal(0, 0.5, 3)
        thinner = radius * float(chance.uniform(0.66, 0.84))
        _branch(shapes, chance, end, parted, thinner, length * float(chance.uniform(0.62, 0.92)))


def _is_in_lung(point: Point) -> bool:
    wide, deep = (float(half[0]) for half in CAVITY.halves(np.array([point[2]], np.float32)))
    room = (point[0] / max(wide - 3, 1)) ** 2 + ((point[1] - 2) / max(deep - 3, 1)) ** 2
    return room < 1 and abs(point[0]) > 28


def _steps(count: int) -> list[float]:
    return [pi * step / (count - 1) for step in range(count)]
