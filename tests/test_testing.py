"""Contract tests for tasks and steps: valid ones pass, and each clause catches its violation."""

from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from pydantic import Field, field_serializer

import img2imgkit as kit
from img2imgkit.errors import DecodeError, TranslateError
from img2imgkit.images import decode
from img2imgkit.testing import check_step, check_task, sample_items


class Good(kit.Task):
    """A convolution each way (arXiv:1501.00092)."""

    name = "good"
    data = "paired"

    class Options(kit.Config):
        """How wide."""

        width: int = Field(default=2, description="filters")

    class Weights(kit.Config):
        """Loss coefficients."""

        l1: float = 1.0
        adversarial: float = 0.1
        critic_real: float = 0.5
        critic_fake: float = 0.5

    def build(self):
        return kit.Networks({"generator": self.generator()}, {"critic": self.critic()})

    def generator(self):
        from keras import Input, Model, layers

        image = Input((None, None, 3))
        return Model(
            image, layers.Conv2D(3, 3, padding="same")(layers.Conv2D(self.options.width, 3, padding="same")(image))
        )

    def critic(self):
        from keras import Input, Model, layers

        image = Input((None, None, 6))
        return Model(image, layers.Conv2D(1, 4, strides=4)(image))

    def geometry(self):
        return kit.Geometry(radius=2)

    def forward(self, nets, batch):
        return {"fake": nets["generator"](batch["source"], training=True)}

    def judged(self, nets, batch, image, target):
        from keras import ops

        score = nets["critic"](ops.concatenate([batch["source"], image], axis=-1), training=True)
        return ops.mean(ops.square(score - target), axis=(1, 2, 3))

    def generator_losses(self, nets, batch, out):
        from keras import ops

        return {
            "l1": ops.mean(ops.abs(out["fake"] - batch["target"]), axis=(1, 2, 3)),
            "adversarial": self.judged(nets, batch, out["fake"], 1.0),
        }

    def critic_losses(self, nets, batch, out):
        return {
            "critic_real": self.judged(nets, batch, batch["target"], 1.0),
            "critic_fake": self.judged(nets, batch, out["fake"], 0.0),
        }

    def translate(self, nets, inputs):
        return nets["generator"](inputs["source"], training=False)


def test_a_good_task_passes(two_cpus):
    check_task(Good)


def test_the_options_are_used():
    class Narrow(Good):
        """Fails at width 3 (arXiv:1501.00092)."""

        def generator(self):
            assert self.options.width == 3, "built"
            return super().generator()

    with pytest.raises(AssertionError, match="built"):
        check_task(Narrow, Narrow.Options(width=2), replicas=False)


class NoPaper(Good):
    """Cites no source."""


class BadName(Good):
    """arXiv:1501.00092"""

    name = "Bad Name"


class BadKind(Good):
    """arXiv:1501.00092"""

    data = "pairs"


class Changing(Good):
    """Options that do not survive JSON (arXiv:1501.00092)."""

    class Options(kit.Config):
        """How wide."""

        width: int = 2

        @field_serializer("width")
        def doubled(self, value):
            return 2 * value


class SharedVariable(Good):
    """One network as generator and critic (arXiv:1501.00092)."""

    def build(self):
        generator = self.generator()
        return kit.Networks({"generator": generator}, {"critic": generator})


class SharedFrozen(Good):
    """A frozen network that is trained, too (arXiv:1501.00092)."""

    def build(self):
        generator = self.generator()
        return kit.Networks({"generator": generator}, {"critic": self.critic()}, {"copy": generator})


class NeverMoved(Good):
    """Critics that are never updated (arXiv:1501.00092)."""

    order = ("generators",)


class NothingToTrain(Good):
    """A critic without variables (arXiv:1501.00092)."""

    def critic(self):
        from keras import Input, Model, layers

        image = Input((None, None, 6))
        return Model(image, layers.AveragePooling2D(4)(image))


class MisspeltTerm(Good):
    """A term that no weight has (arXiv:1501.00092)."""

    def generator_losses(self, nets, batch, out):
        terms = super().generator_losses(nets, batch, out)
        return {"l1_": terms.pop("l1"), **terms}


class MissingTerm(Good):
    """A weight without its term (arXiv:1501.00092)."""

    def generator_losses(self, nets, batch, out):
        return {"l1": super().generator_losses(nets, batch, out)["l1"]}


class TwiceTerm(Good):
    """A term of both players (arXiv:1501.00092)."""

    def critic_losses(self, nets, batch, out):
        terms = super().critic_losses(nets, batch, out)
        return {**terms, "l1": terms["critic_real"]}


class ReducedTerm(Good):
    """A term already reduced over images (arXiv:1501.00092)."""

    def generator_losses(self, nets, batch, out):
        from keras import ops

        terms = super().generator_losses(nets, batch, out)
        return {**terms, "l1": ops.mean(terms["l1"])}


class NotFinite(Good):
    """A logarithm of negative numbers (arXiv:1501.00092)."""

    def generator_losses(self, nets, batch, out):
        from keras import ops

        terms = super().generator_losses(nets, batch, out)
        return {**terms, "l1": ops.log(-ops.abs(terms["l1"]))}


class Unseeded(Good):
    """Unseeded weights (arXiv:1501.00092)."""

    def generator(self):
        net = super().generator()
        rng = np.random.default_rng()
        net.set_weights([rng.normal(size=w.shape) for w in net.get_weights()])
        return net


class Noisy(Good):
    """Noise while translating (arXiv:1501.00092)."""

    def translate(self, nets, inputs):
        import keras

        made = nets["generator"](inputs["source"], training=False)
        return made + keras.random.normal((1,), stddev=0.1)


class WrongScale(Good):
    """Promises twice the size (arXiv:1501.00092)."""

    def geometry(self):
        return kit.Geometry(scale=2, radius=2)

    def generator_losses(self, nets, batch, out):
        return super().generator_losses(nets, {**batch, "target": batch["target"][:, ::2, ::2]}, out)

    def critic_losses(self, nets, batch, out):
        return super().critic_losses(nets, {**batch, "target": batch["target"][:, ::2, ::2]}, out)


class WrongMultiple(Good):
    """Needs even sizes without stating it (arXiv:1501.00092)."""

    def generator(self):
        from keras import Input, Model, layers

        image = Input((None, None, 3))
        down = layers.Conv2D(4, 2, strides=2)(image)
        return Model(image, layers.Conv2DTranspose(3, 2, strides=2)(down))


class FarSighted(Good):
    """Has a receptive-field radius of three pixels (arXiv:1501.00092)."""

    def generator(self):
        from keras import Input, Model, layers

        image = Input((None, None, 3))
        return Model(image, layers.Conv2D(3, 7, padding="same")(image))


class FarSightedInPhase(Good):
    """Pixels of a block of four depend on each other, so the reach depends on the position (arXiv:1501.00092)."""

    def generator(self):
        from keras import Input, Model, layers

        image = Input((None, None, 3))
        down = layers.Conv2D(4, 4, strides=4)(image)
        return Model(image, layers.Conv2DTranspose(3, 4, strides=4)(down))

    def geometry(self):
        return kit.Geometry(multiple=4, radius=2)


class Modest(Good):
    """States radius=None but has a radius of two pixels (arXiv:1501.00092)."""

    def geometry(self):
        return kit.Geometry(radius=None)


class LeavesBundle(Good):
    """Keeps state outside its networks (arXiv:1501.00092)."""

    made = 0

    def __init__(self, options=None, weights=None):
        super().__init__(options, weights)
        LeavesBundle.made += 1
        self.gain = LeavesBundle.made

    def translate(self, nets, inputs):
        return super().translate(nets, inputs) * self.gain


class Unmoved(Good):
    """A layer that no loss reaches (arXiv:1501.00092)."""

    def generator(self):
        from keras import Input, Model, layers, ops

        image = Input((None, None, 3))
        aside = ops.stop_gradient(layers.Conv2D(3, 3, padding="same")(image))
        return Model(image, layers.Conv2D(3, 3, padding="same")(image) + aside)


class Still(Good):
    """A gradient that is always zero (arXiv:1501.00092)."""

    def generator(self):
        from keras import Input, Model, layers

        image = Input((None, None, 3))
        return Model(image, layers.Conv2D(3, 3, padding="same")(layers.Conv2D(2, 3, padding="same")(image) * 0.0))

    def geometry(self):
        return kit.Geometry(radius=2)

    def translate(self, nets, inputs):
        return super().translate(nets, inputs) + inputs["source"]


class Unconditional(Good):
    """Defines conditions without deriving from Conditional (arXiv:1501.00092)."""

    def conditions(self):
        return {"seed": kit.Condition("value", "number of a draw")}


class Undescribed(Unconditional, kit.Conditional):
    """Has a condition without a description (arXiv:1501.00092)."""

    def conditions(self):
        return {"seed": kit.Condition("value", " ")}


class PerDevice(Good):
    """Normalised by the statistics of its share of the batch (arXiv:1501.00092)."""

    def generator_losses(self, nets, batch, out):
        from keras import ops

        terms = super().generator_losses(nets, batch, out)
        return {**terms, "l1": terms["l1"] / (1e-3 + ops.std(batch["source"]) * ops.max(batch["target"][:, 0, 0, 0]))}


BROKEN_TASKS = [
    (NoPaper, "cites no source"),
    (BadName, "'Bad Name'"),
    (BadKind, "'pairs', expected one of .*, paired, .*check_task"),
    (Changing, "changes in a round trip through JSON"),
    (SharedVariable, "belongs to both 'generator' and 'critic'"),
    (SharedFrozen, "belongs to both 'generator' and 'copy'"),
    (NeverMoved, "never updates them"),
    (NothingToTrain, "critics: critic have no trainable variables"),
    (MisspeltTerm, "term 'l1_' has no weight of that name; did you mean 'l1'"),
    (MissingTerm, r"weight \['adversarial'\] has no term"),
    (TwiceTerm, r"term \['l1'\] is returned twice"),
    (ReducedTerm, r"term 'l1' has shape \(\), expected \(3,\)"),
    (NotFinite, "term 'l1' is not finite"),
    (Unseeded, "with the same seed have different weights"),
    (Noisy, "translate gave two different results"),
    (WrongScale, r"translate returned .* geometry\(\) promises \(2, 2, 2, 3\)"),
    (WrongMultiple, r"translate fails on \(2, 1, 1, 3\), which geometry\(\) allows"),
    (FarSighted, "radius=2, but output pixels depend on inputs 3 pixels away"),
    (FarSightedInPhase, "radius=2, but output pixels depend on inputs 3 pixels away"),
    (Modest, "radius=None, but no pixel depends on inputs more than 2 pixels away"),
    (LeavesBundle, "a loaded bundle translates differently"),
    (Unmoved, "no term of the generators depends on"),
    (Still, "did not change generators"),
    (Unconditional, r"conditions\(\) is ignored: also derive Unconditional from img2imgkit\.Conditional"),
    (Undescribed, "condition 'seed' has no description"),
]


@pytest.mark.parametrize(("task", "said"), BROKEN_TASKS, ids=[task.__name__ for task, _ in BROKEN_TASKS])
def test_a_broken_task_fails(task, said):
    with pytest.raises(AssertionError, match=said):
        check_task(task, replicas=False)


def test_a_loss_over_a_devices_share_of_the_batch_fails_on_two_devices(two_cpus):
    with pytest.raises(
        AssertionError, match=r"after training on two devices, .* something is computed over a device's share"
    ):
        check_task(PerDevice)


def test_a_task_of_another_data_kind_needs_a_batch():
    class Labelled(Good):
        """arXiv:1711.09020"""

        data = "labelled"

    with pytest.raises(AssertionError, match=r"check_task\(\.\.\., batch=\)"):
        check_task(Labelled, replicas=False)


def test_a_given_batch_is_used():
    class Labelled(Good):
        """arXiv:1711.09020"""

        data = "labelled"

        def forward(self, nets, batch):
            assert "target_label" in batch, "no labels"
            raise AssertionError("labels seen")

    def batch(rng, images):
        pictures = rng.uniform(-1, 1, (images, 8, 8, 3)).astype(np.float32)
        return {"source": pictures, "label": np.zeros((images, 2)), "target_label": np.ones((images, 2))}

    with pytest.raises(AssertionError, match="labels seen"):
        check_task(Labelled, batch=batch, replicas=False)


# Steps


class Invert(kit.Transform):
    """Turn light into dark."""

    name = "invert"

    class Options(kit.Config):
        """How strongly."""

        keep: Literal["colour", "none"] = Field(default="none", description="what stays")

    def apply(self, item):
        top = np.iinfo(item.picture.color.dtype).max
        return item.with_picture(item.picture.with_pixels(top - item.picture.color, item.picture.alpha), inverted=True)


class Draw(kit.Sink):
    """Write raw bytes."""

    name = "draw"

    class Options(kit.Config):
        """Target options."""

        folder: str = Field(default="out", description="where to")

    def location(self):
        return self.options.folder

    def target(self, entry):
        return entry.relative.with_suffix(".raw")

    def render(self, item):
        return kit.Rendering(self.target(item.entry), item.picture.color.tobytes())


class Files(kit.Source):
    """Every file of a folder."""

    name = "files"

    class Options(kit.Config):
        """Source options."""

        folder: str = Field(description="where from")

    def location(self):
        return self.options.folder

    def find(self, ignored):
        for number, path in enumerate(sorted(Path(self.location()).iterdir())):
            yield kit.Entry(str(path), PurePosixPath(path.name), number, 0, "0")

    def reads(self, location):
        return Path(location).parent == Path(self.location())

    def load(self, entry):
        picture = decode(entry.path)
        return kit.Item.still(entry, picture)


@pytest.fixture
def folder(tmp_path):
    for number in range(2):
        Image.new("RGB", (3, 2), (number, 2, 3)).save(tmp_path / f"{number}.png")
    return str(tmp_path)


@pytest.mark.parametrize("step", [Invert, Draw])
def test_a_good_step_passes(step):
    check_step(step)


def test_a_good_source_passes(folder):
    check_step(Files, Files.Options(folder=folder))


def test_sample_items_cover_depths_spaces_and_alpha():
    pictures = [item.picture for item in sample_items()]
    kinds = {(p.space, p.depth, p.alpha is not None) for p in pictures}
    assert kinds >= {("grey", 8, False), ("rgb", 8, False), ("rgb", 8, True), ("rgb", 16, False), ("grey", 16, True)}
    assert (1, 1) in {(p.width, p.height) for p in pictures}


def test_refusing_a_picture_is_allowed():
    class Refusing(Invert):
        """Only sixteen bits."""

        def apply(self, item):
            if item.picture.depth == 8:
                raise TranslateError("only 16 bits")
            return super().apply(item)

    check_step(Refusing)


def test_a_step_may_make_arrays_of_any_layout():
    class Transposing(Invert):
        """Gives a view whose values are not in order."""

        def apply(self, item):
            grey = item.picture.color.mean(-1).astype(np.uint8).T.copy().T[..., None]
            grey.flags.writeable = False
            return item.with_picture(item.picture.with_pixels(grey, None, "grey"))

    check_step(Transposing)


def test_a_picture_that_cannot_be_written_is_caught():
    class Vanishing(Invert):
        """Crops everything away."""

        def apply(self, item):
            return item.with_picture(item.picture.with_pixels(item.picture.color[:0], None))

    with pytest.raises(AssertionError, match=r"what 'invert' makes of folder/grey\.png as PNG: "):
        check_step(Vanishing)


class Homeless(kit.Step):
    """Neither source nor transform nor sink."""

    name = "homeless"


class Nameless(Invert):
    """Has no proper name."""

    name = "In Vert"


class Silent(Invert):
    __doc__ = None


class Undescribed(Invert):
    """An option without a description."""

    class Options(kit.Config):
        """How strongly."""

        strength: float = 1.0


class UndescribedInside(Invert):
    """A nested option without a description."""

    class Options(kit.Config):
        """How strongly."""

        class Part(kit.Config):
            """Nested options."""

            strength: float = 1.0

        part: Part | None = Field(default=None, description="a part")


class Changed(Invert):
    """Options that do not survive JSON."""

    class Options(kit.Config):
        """How strongly."""

        strength: int = Field(default=1, description="how strongly")

        @field_serializer("strength")
        def grown(self, value):
            return value + 1


class Opaque(Invert):
    """A fingerprint that is not JSON data."""

    def fingerprint(self):
        return {"self": self}


class Restless(Invert):
    """A fingerprint that differs for each step."""

    def fingerprint(self):
        return {"id": id(self)}


class Grabbing(Invert):
    """Modifies its input picture."""

    def apply(self, item):
        item.picture.color[...] = 0
        return item


class Drifting(Invert):
    """Counts its calls into the pixels."""

    count = 0

    def apply(self, item):
        self.count += 1
        return item.with_picture(item.picture.with_pixels(item.picture.color // 2 + self.count, item.picture.alpha))


class Individual(Invert):
    """Each instance returns another result."""

    made = 0

    def __init__(self, options=None):
        super().__init__(options)
        Individual.made += 1
        self.shift = Individual.made

    def apply(self, item):
        return item.with_picture(item.picture.with_pixels(item.picture.color // 2 + self.shift, item.picture.alpha))


class Unsafe(Invert):
    """Stores the item on itself while working."""

    def apply(self, item):
        import time

        self.item = item
        time.sleep(0.002)
        return super().apply(item) if self.item is item else item


class Wrong(Invert):
    """Returns a picture instead of an item."""

    def apply(self, item):
        return item.picture


class Mirrored(Invert):
    """Mirrors pictures without saying so."""

    def apply(self, item):
        return item.with_picture(item.picture.with_pixels(item.picture.color[:, ::-1], None))


class Turned(Invert):
    """Turns pictures, and says that it turned them the other way."""

    def apply(self, item):
        picture = item.picture
        by = kit.Affine.turn(8, picture.width, picture.height)
        return item.with_picture(picture.with_pixels(np.rot90(picture.color, -1), None, by=by))


class Honest(Invert):
    """Mirrors pictures and says so, but for high ones, which it turns in silence."""

    def apply(self, item):
        picture = item.picture
        if picture.height > picture.width:
            return item.with_picture(picture.with_pixels(np.rot90(picture.color), None))
        by = kit.Affine.turn(2, picture.width, picture.height)
        return item.with_picture(picture.with_pixels(picture.color[:, ::-1], None, by=by))


class Forgetful(Invert):
    """Loses the item's entry."""

    def apply(self, item):
        return kit.Item.still(item.entry, item.picture, item.picture.with_pixels(item.picture.color, None), item.notes)


class Escaping(Draw):
    """Writes outside its folder."""

    def target(self, entry):
        return PurePosixPath("..") / entry.relative


class Absolute(Draw):
    """Writes to an absolute path."""

    def render(self, item):
        return kit.Rendering(PurePosixPath("/tmp/x"), b"")


class RandomBytes(Draw):
    """Bytes that differ each time."""

    def render(self, item):
        return kit.Rendering(self.target(item.entry), np.random.default_rng().bytes(8))


class Unstartable(Invert):
    """Cannot be opened."""

    def open(self, resources):
        raise TranslateError("nothing to work with")


class Growing(Invert):
    """States an output size other than the one it returns."""

    def output_size(self, width, height):
        return 2 * width, 2 * height


BROKEN_STEPS = [
    (Homeless, "one of Source, Transform and Sink"),
    (Nameless, "'In Vert'"),
    (Silent, "has no docstring"),
    (Undescribed, "no description of strength"),
    (UndescribedInside, "Part: no description of strength"),
    (Changed, "changes in a round trip through JSON"),
    (Opaque, "not plain JSON data"),
    (Restless, r"fingerprint\(\) differs between two steps"),
    (Grabbing, "modified its input item folder/grey.png"),
    (Drifting, "not deterministic"),
    (Individual, "two 'invert' steps with the same options differ"),
    (Unsafe, "when several threads call it"),
    (Wrong, "returned Picture, expected an Item"),
    (Forgetful, "lost the entry or the original"),
    (Mirrored, r"mirrors or turns pictures without saying so: .*turn\(2, width, height\)"),
    (Turned, r"without saying so: .*turn\(6, width, height\)"),
    (Escaping, "not inside its location"),
    (Absolute, "not inside its location"),
    (RandomBytes, "not deterministic"),
    (Unstartable, "cannot be prepared and opened: nothing to work with"),
    (Growing, "states an output of .* pixels for .*, but returns"),
]


def test_a_step_may_move_pixels_if_it_says_so_or_does_not_claim_to_know():
    check_step(Honest)


@pytest.mark.parametrize(("step", "said"), BROKEN_STEPS, ids=[step.__name__ for step, _ in BROKEN_STEPS])
def test_a_broken_step_fails(step, said):
    with pytest.raises(AssertionError, match=said):
        check_step(step)


def test_lost_notes_fail():
    class Careless(Invert):
        """Drops the notes of earlier steps."""

        def apply(self, item):
            return kit.Item.still(item.entry, item.picture, item.original)

    items = [item.with_picture(item.picture, tile=64) for item in sample_items()]
    with pytest.raises(AssertionError, match=r"lost the notes \['tile'\]"):
        check_step(Careless, items=items)


def test_no_items_fail_the_check():
    with pytest.raises(AssertionError, match="no items"):
        check_step(Invert, items=[])


class Shuffled(Files):
    """Finds entries in a different order each time."""

    turn = 0

    def find(self, ignored):
        Shuffled.turn += 1
        yield from list(super().find(ignored))[:: (-1) ** Shuffled.turn]


class Misnumbered(Files):
    """Counts from one."""

    def find(self, ignored):
        yield from list(super().find(ignored))[1:]


class Denying(Files):
    """Denies its own entries."""

    def reads(self, location):
        return False


class Ambiguous(Files):
    """Two entries with the same relative path."""

    def find(self, ignored):
        first, second = super().find(ignored)
        yield first
        yield kit.Entry(second.location, first.relative, 1, 0, "0")


class Hoarding(Files):
    """Returns a list."""

    def find(self, ignored):
        return list(super().find(ignored))


class Pathy(Files):
    """Uses paths as locations."""

    def find(self, ignored):
        return (replace(entry, location=entry.path) for entry in super().find(ignored))


class Fickle(Files):
    """Loads a different picture each time."""

    def load(self, entry):
        pixels = np.random.default_rng().integers(0, 256, (4, 4, 3)).astype(np.uint8)
        picture = kit.Picture(pixels)
        return kit.Item.still(entry, picture)


class Mixed(Files):
    """Loads another entry."""

    def load(self, entry):
        first = next(self.find(Counter()))
        picture = decode(first.path)
        return kit.Item.still(first, picture)


BROKEN_SOURCES = [
    (Shuffled, "found different files"),
    (Misnumbered, r"numbers its entries \[1\]"),
    (Denying, r"reads\(\) returns False"),
    (Ambiguous, "two entries with the same relative path"),
    (Hoarding, "returns list, expected an iterator"),
    (Pathy, "a location or version that is not a string"),
    (Fickle, "differently each time"),
    (Mixed, r"loads 1\.png as 0\.png"),
]


@pytest.mark.parametrize(("source", "said"), BROKEN_SOURCES, ids=[source.__name__ for source, _ in BROKEN_SOURCES])
def test_a_broken_source_fails(source, said, folder):
    with pytest.raises(AssertionError, match=said):
        check_step(source, source.Options(folder=folder))


def test_a_source_that_finds_nothing_fails(tmp_path):
    with pytest.raises(AssertionError, match="found nothing"):
        check_step(Files, Files.Options(folder=str(tmp_path)))


def test_refusing_a_file_is_allowed(folder):
    (Path(folder) / "0.png").write_bytes(b"broken")
    with pytest.raises(DecodeError):
        decode(Path(folder) / "0.png")
    check_step(Files, Files.Options(folder=folder))
