"""Rendered resources and thumbnails: a selection as pictures in a form that is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from filmroom.core.archive import Archive
from filmroom.core.presentation import presentation_for, presented
from filmroom.core.render import ANIMATED, DRAWN, GIF, JPEG, PICTURES, Picture, Scene
from filmroom.core.representative import is_picture, representative
from filmroom.core.retrieve import location_of, select
from filmroom.core.shown import Shown, shown_type
from filmroom.core.viewing import Fractions
from filmroom.dicom.kinds import PRESENTATION_STATES
from filmroom.dicom.media_types import MP4, PDF
from filmroom.errors import Malformed, NotAcceptable, NotFound
from filmroom.model.answer import Answer, Part
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.rendering import Rendering
from filmroom.model.selection import Selection
from filmroom.model.wanted import Offer, Wanted


@dataclass(frozen=True, slots=True)
class Showing:
    """How a selection is to be shown."""

    rendering: Rendering
    """Its media type is what the answer's form says."""
    presentation: InstanceRef | None = None
    """The presentation state to apply."""
    fractions: Fractions | None = None
    """The region that is shown, in parts of the image's sides."""


def rendered_frames(
    archive: Archive, located: Located, numbers: Sequence[int], wanted: Wanted, showing: Showing
) -> Answer:
    """Frames by number: each a part, one alone, or several as an animation."""
    _check_numbers(located, numbers)
    if not is_picture(located):
        raise NotAcceptable("the frames of a video are not drawn one by one: ask for all of it")
    several = len(numbers) > 1
    form = _form(wanted, (GIF,) if several else PICTURES, several=several)
    scene = _scene(archive, located, form, showing)
    if form.multipart:
        return _together(archive, form, [replace(scene, numbers=(each,)) for each in numbers])
    return _alone(archive, form, _moving(archive, replace(scene, numbers=tuple(numbers))))


def rendered(
    archive: Archive,
    selection: Selection,
    wanted: Wanted,
    showing: Showing,
    located: Located | None = None,
) -> Answer:
    """An instance, or those of a study or series: the one that stands for it, or all as parts.

    Documents and videos are given as they are, unless pictures are liked better. A
    presentation state is shown as the images that it refers to. `located` is the instance
    that is selected, for who has it.
    """
    located = located or representative(archive, selection)
    if _is_liked_as_it_is(located, wanted):
        part, version = _as_it_is(archive, located)
        return Answer(Offer(part.media_type), [part], version)
    whole = selection.instance is None
    form = _form(wanted, PICTURES, (PDF, MP4) if whole else ())
    if not whole and located.sop_class in PRESENTATION_STATES:
        return _presented(archive, located, form, showing)
    if form.multipart and whole:
        return _all(archive, selection, form, showing)
    scene = _moving(archive, _scene(archive, located, form, showing))
    return _together(archive, form, [scene]) if form.multipart else _alone(archive, form, scene)


def thumbnail(
    archive: Archive,
    selection: Selection,
    wanted: Wanted,
    rendering: Rendering,
    numbers: Sequence[int] = (),
    located: Located | None = None,
) -> Answer:
    """One small picture, always alone, and an icon rather than none (PS3.18 §10.4.1.1.4).

    `located` is the instance that is selected, for who has it.
    """
    form = wanted.choose([Offer(each) for each in PICTURES])
    if form is None and not wanted.takes_multipart():
        raise NotAcceptable(f"thumbnails are given as {', '.join(PICTURES)}")
    form = form or Offer(JPEG)
    located = located or representative(archive, selection)
    _check_numbers(located, numbers)
    scene = Scene(located, replace(rendering, media_type=form.media_type), tuple(numbers[:1]))
    return _alone(archive, form, scene, forgiving=True)


def _is_liked_as_it_is(located: Located, wanted: Wanted) -> bool:
    """Whether a document or video is to be given itself, and not an icon in its place.

    Any multipart is taken for a client's habit: who asks so for a PDF means the file.
    """
    known = shown_type(located)
    if not known:
        return False
    liked = wanted.choose(
        Offer(media_type, multipart=multipart)
        for multipart in (False, True)
        for media_type in (known, JPEG)
    )
    if liked is None:
        return wanted.takes_multipart() or not any(map(wanted.takes, PICTURES))
    return liked.media_type == known


def _as_it_is(archive: Archive, located: Located) -> tuple[Part, str]:
    """A document or video, and what tells this version of it from others."""
    media_type = shown_type(located)
    location = f"{location_of(located.ref)}/rendered"
    part = Part(media_type, "", Shown(archive, located), location)
    return part, f"{DRAWN} {located.key} {media_type}"


def _form(
    wanted: Wanted, alone: Sequence[str], together: Sequence[str] = (), *, several: bool = False
) -> Offer:
    """The form to answer in; as multipart rather than no answer, if any multipart is taken."""
    single = [Offer(each) for each in alone]
    multipart = [Offer(each, multipart=True) for each in (*PICTURES, *together)]
    form = wanted.choose(multipart + single if several else single + multipart)
    if form is None and wanted.takes_multipart():
        form = multipart[0]
    if form is None:
        raise NotAcceptable(
            f"pictures are given as {', '.join(alone)}, or in multipart/related as"
            f" {', '.join(PICTURES)}"
        )
    return form


def _scene(archive: Archive, located: Located, form: Offer, showing: Showing) -> Scene:
    rendering = replace(showing.rendering, media_type=form.media_type)
    if showing.presentation is None:
        return Scene(located, rendering, fractions=showing.fractions)
    state = presentation_for(archive, showing.presentation, located)
    return Scene(located, rendering, presentation=state)


def _all(archive: Archive, selection: Selection, form: Offer, showing: Showing) -> Answer:
    """All of a study or series that can be given in this form, each in a part of its own."""
    found = select(archive, selection)
    if form.media_type not in PICTURES:
        as_they_are = [
            _as_it_is(archive, one) for one in found if shown_type(one) == form.media_type
        ]
        if not as_they_are:
            raise NotAcceptable(f"nothing in {selection} is {form.media_type}")
        parts = [part for part, _ in as_they_are]
        return Answer(form, parts, _joined(version for _, version in as_they_are))
    pictures = [one for one in found if is_picture(one)]
    if not pictures:
        raise NotAcceptable(f"nothing in {selection} has pictures")
    scenes = [_moving(archive, _scene(archive, one, form, showing)) for one in pictures]
    return _together(archive, form, scenes)


def _presented(archive: Archive, state: Located, form: Offer, showing: Showing) -> Answer:
    shown = showing.rendering
    if shown.window or shown.viewport.region or showing.presentation:
        raise Malformed("a presentation state has its own window and region")
    rendering = replace(shown, media_type=form.media_type)
    scenes = [
        _moving(archive, Scene(located, rendering, frames, state))
        for located, frames in presented(archive, state)
    ]
    if form.multipart:
        return _together(archive, form, scenes)
    return _alone(archive, form, scenes[0])


def _moving(archive: Archive, scene: Scene) -> Scene:
    """The scene with all its frames if it can be an animation, else with one."""
    located = scene.located
    if scene.rendering.media_type != GIF or not is_picture(located):
        return replace(scene, numbers=scene.numbers[:1])
    numbers = scene.numbers or tuple(range(1, located.number_of_frames + 1))
    size = located.size // located.number_of_frames * len(numbers)
    if len(numbers) > archive.settings.max_frames or (numbers[1:] and size > ANIMATED):
        raise NotAcceptable(
            f"{len(numbers)} frames are too many for one {GIF}: name fewer, or ask for {JPEG}"
        )
    return replace(scene, numbers=numbers)


def _check_numbers(located: Located, numbers: Sequence[int]) -> None:
    if numbers and max(numbers) > located.number_of_frames:
        raise NotFound(f"no frame {max(numbers)} among {located.number_of_frames}")


def _alone(archive: Archive, form: Offer, scene: Scene, *, forgiving: bool = False) -> Answer:
    return Answer(form, [_part(archive, scene, forgiving=forgiving)], scene.version)


def _together(archive: Archive, form: Offer, scenes: Sequence[Scene]) -> Answer:
    """All scenes, each made when it is sent; what then cannot be drawn is an icon."""
    parts = [_part(archive, scene, forgiving=True) for scene in scenes]
    return Answer(form, parts, _joined(scene.version for scene in scenes))


def _joined(versions: Iterable[str]) -> str:
    return sha256(" ".join(versions).encode()).hexdigest()[:32]


def _part(archive: Archive, scene: Scene, *, forgiving: bool) -> Part:
    frames = ",".join(map(str, scene.numbers))
    location = location_of(scene.located.ref) + (f"/frames/{frames}" if frames else "")
    picture = Picture(archive, scene, forgiving=forgiving)
    return Part(scene.rendering.media_type, "", picture, f"{location}/rendered")
