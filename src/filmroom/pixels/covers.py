"""What lies over an image: shutters, overlay planes, and a presentation state's layers."""

from __future__ import annotations

from filmroom.model.instance import Attributes
from filmroom.pixels.elements import number, text
from filmroom.pixels.graphic_texts import with_texts
from filmroom.pixels.graphics import GRAPHIC_LAYER, WHITE, Layer, layers, with_shapes
from filmroom.pixels.overlays import (
    ACTIVATION_LAYER,
    GROUPS,
    Overlay,
    blend,
    embedded,
    groups,
    mask,
    overlays,
)
from filmroom.pixels.presentation import Presentation
from filmroom.pixels.scene import Scene
from filmroom.pixels.shutters import OVERLAY_GROUP, shuttered
from filmroom.pixels.viewport import Picture


def covered(picture: Picture, scene: Scene, frame: bytes) -> Picture:
    """The picture of a frame with all that lies over it; `frame` is as it is coded.

    Of an image shown by a presentation state, only what that says does.
    """
    if scene.presentation:
        return _presented(picture, scene, scene.presentation)
    picture = shuttered(picture, scene.attributes, scene.number, scene.format, scene.placement)
    if not scene.rendering.overlays:
        return picture
    planes = overlays(scene.attributes, scene.number)
    planes += embedded(scene.attributes, frame, scene.image.transfer_syntax, scene.format)
    for plane in planes:
        picture = blend(picture, mask(plane, scene.format, scene.placement), WHITE)
    return picture


def _presented(picture: Picture, scene: Scene, presentation: Presentation) -> Picture:
    """The picture with the shutter and the graphic layers of a presentation state."""
    format, placement, state = scene.format, scene.placement, presentation.state
    picture = shuttered(picture, state, scene.number, format, placement)
    planes = _activated(state, scene.attributes, scene.number)
    for layer in _layers(presentation):
        for name, plane in planes:
            if name == layer.name:
                picture = blend(picture, mask(plane, format, placement), layer.colour)
        on_layer = [each for each in presentation.graphics if _layer_of(each) == layer.name]
        picture = with_shapes(picture, on_layer, layer, placement)
        picture = with_texts(picture, on_layer, layer, placement)
    return picture


def _layers(presentation: Presentation) -> list[Layer]:
    """The layers that are described, and above them what lies on others."""
    described = layers(presentation.state)
    known = {layer.name for layer in described}
    others = dict.fromkeys(map(_layer_of, presentation.graphics))
    return described + [Layer(name, WHITE) for name in others if name not in known]


def _layer_of(annotation: Attributes) -> str:
    return text(annotation, GRAPHIC_LAYER)


def _activated(state: Attributes, image: Attributes, frame: int) -> list[tuple[str, Overlay]]:
    """The overlay planes that a state puts on a layer: its own, else the image's (§C.11.7)."""
    shutter = f"{int(number(state, OVERLAY_GROUP) or 0):04X}"
    own = groups(state)
    planes = {plane.group: plane for plane in overlays(image, frame) if plane.group not in own}
    planes |= {plane.group: plane for plane in overlays(state, frame)}
    return [
        (name, planes[group])
        for group in GROUPS
        if group in planes and group != shutter
        if (name := text(state, group + ACTIVATION_LAYER))
    ]
