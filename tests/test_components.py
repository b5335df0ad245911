"""Components and choices: forms in options, resolution, and locations of problems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import pytest
from pydantic import Field, ValidationError, model_validator

from img2imgkit.components import (
    CHOICE,
    Choice,
    Component,
    Role,
    choice,
    choices_in,
    resolve,
)
from img2imgkit.config import Config, Location, parse_yaml, suggestion, validate
from img2imgkit.errors import ConfigError, NotInstalled


class Shape(Component):
    """A shape."""


class Circle(Shape):
    name = "circle"
    roles = ("round", "any")
    radius: int = Field(default=3, ge=1, description="how large")
    spots: tuple[float, ...] = Field(default=(), description="where")


class Square(Shape):
    name = "square"
    roles = ("edged", "any")
    side: int = Field(description="how large")
    texture: Annotated[Path, Location()] | None = Field(default=None, description="its picture")


class Frame(Shape):
    name = "frame"
    roles = ("edged",)
    inside: ShapeChoice = Field(description="another")

    def check_choices(self) -> None:
        if self.inside.kind == "frame":
            raise ValueError("inside: a frame holds no frame")


class Nothing(Shape):
    name = "nothing"


class ShapeChoice(Choice[Shape]):
    catalog_kind: ClassVar[str] = "shapes"


class Nested(Config):
    shape: ShapeChoice = choice("any", "circle", "a shape inside")


class Options(Config):
    round: ShapeChoice = choice("round", Circle(radius=2), "a round one")
    named: ShapeChoice = choice("any", "circle")
    several: tuple[ShapeChoice, ...] = choice("any", ())
    optional: ShapeChoice | None = choice("any", None)
    nested: Nested = Nested()
    mapped: dict[str, ShapeChoice] = choice("any", {})
    free: ShapeChoice | None = choice("", None)
    aliased: ShapeChoice | None = Field(default=None, alias="also")

    def check_choices(self) -> None:
        if self.optional and self.optional.kind == self.round.kind:
            raise ValueError(f"optional: {self.optional.kind!r} is the round one already")


Frame.model_rebuild()
KNOWN = {each.name: each for each in (Circle, Square, Frame, Nothing)}


class Installed:
    def get(self, kind: str, name: str) -> Any:
        assert kind == "shapes"
        if name not in KNOWN:
            raise NotInstalled(f"no shape {name!r} is installed{suggestion(name, KNOWN)}")
        return KNOWN[name]


def made(**stated: Any) -> Options:
    return resolve(Options.model_validate_json(json.dumps(stated)), Installed())


def problems(text: str) -> list[str]:
    document = parse_yaml(text, "/data/file.yaml")
    with pytest.raises(ConfigError) as caught:
        resolve(validate(Options, document), Installed(), document)
    return [str(each) for each in caught.value.problems]


class TestComponent:
    def test_it_serialises_to_kind_and_options_and_back(self) -> None:
        circle = Circle(spots=(0.5, 1.0))
        plain = {"kind": "circle", "radius": 3, "spots": [0.5, 1.0]}
        assert circle.model_dump(mode="json") == plain
        assert Circle.model_validate_json(json.dumps(plain)) == circle
        assert Circle.model_validate_json('{"spots": [0.5, 1.0]}') == circle
        assert Circle.model_validate(circle.model_dump()) == circle

    def test_the_name_of_another_component_is_an_unknown_option(self) -> None:
        with pytest.raises(ValidationError, match="kind"):
            Circle.model_validate_json('{"kind": "square", "radius": 3}')


class TestStating:
    @pytest.mark.parametrize(
        ("stated", "wanted"),
        [
            ("circle", Circle()),
            ({"kind": "circle"}, Circle()),
            ({"kind": "circle", "radius": 5, "spots": [1, 2.5]}, Circle(radius=5, spots=(1.0, 2.5))),
        ],
    )
    def test_a_name_or_a_mapping(self, stated: Any, wanted: Circle) -> None:
        assert made(named=stated).named.chosen == wanted

    def test_component_and_choice_instances(self) -> None:
        taken = Options(named=Circle(radius=9), free=ShapeChoice("nothing"))
        assert taken.named.chosen.radius == 9
        assert taken.named.stated == {"radius": 9, "spots": []}
        assert resolve(taken, Installed()).free.chosen == Nothing()

    @pytest.mark.parametrize(
        ("stated", "message"),
        [
            ({"kind": 3}, "'kind' is required: the name of one of the shapes"),
            (3, "expected a name, or a mapping with 'kind', got 3"),
            (None, "got None"),
            (["circle"], "got"),
        ],
    )
    def test_values_that_are_no_choice(self, stated: Any, message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            Options.model_validate_json(json.dumps({"named": stated}))


class TestDefaults:
    @pytest.mark.parametrize(
        ("stated", "wanted"),
        [
            ({"spots": [1]}, Circle(radius=2, spots=(1.0,))),
            ({"kind": "circle", "spots": [1]}, Circle(radius=2, spots=(1.0,))),
            ({"radius": 3}, Circle(radius=3)),
            ({"radius": 5}, Circle(radius=5)),
            ({}, Circle(radius=2)),
            ("circle", Circle(radius=2)),
        ],
    )
    def test_stated_options_change_the_default_component(self, stated: Any, wanted: Any) -> None:
        assert made(round=stated).round.chosen == resolve(wanted, Installed())

    def test_options_without_a_name_are_those_of_the_default(self) -> None:
        assert made(named={"radius": 5}).named.chosen == Circle(radius=5)
        with pytest.raises(ValidationError, match="'kind' is required"):
            made(optional={"radius": 5})

    def test_a_component_instance_is_taken_as_it_is(self) -> None:
        assert Options(round=Circle()).round.chosen == Circle()

    def test_a_component_is_resolved_at_once_and_a_name_by_resolve(self) -> None:
        fresh = Options()
        assert fresh.round.chosen == Circle(radius=2)
        with pytest.raises(ConfigError, match=r"'circle' of shapes has not been resolved: .*img2imgkit.resolve"):
            _ = fresh.named.chosen
        assert resolve(fresh, Installed()).named.chosen == Circle()

    def test_resolved_options_are_returned_unchanged(self) -> None:
        found = made()
        assert resolve(found, Installed()) == found
        assert resolve(found, Installed()) is found


class TestResolving:
    def test_choices_at_any_depth(self) -> None:
        square = {"kind": "square", "side": 4}
        found = made(
            several=["circle", square],
            optional=square,
            nested={"shape": {"kind": "square", "side": 2}},
            mapped={"a": "circle"},
            free={"kind": "frame", "inside": {"kind": "circle", "radius": 7}},
            also="nothing",
        )
        assert [each.chosen for each in found.several] == [Circle(), Square(side=4)]
        assert found.optional is not None
        assert found.optional.chosen == Square(side=4)
        assert found.nested.shape.chosen == Square(side=2)
        assert found.mapped["a"].chosen == Circle()
        assert found.free is not None
        assert found.free.chosen.inside.chosen == Circle(radius=7)
        assert found.aliased is not None
        assert found.aliased.chosen == Nothing()

    def test_a_resolved_choice_serialises_with_all_options(self) -> None:
        found = made(several=["circle"], optional={"kind": "square", "side": 4}, nested={"shape": "circle"})
        plain = found.model_dump(mode="json", by_alias=True)
        assert plain["several"] == [{"kind": "circle", "radius": 3, "spots": []}]
        assert plain["optional"] == {"kind": "square", "side": 4, "texture": None}
        assert plain["nested"] == {"shape": {"kind": "circle", "radius": 3, "spots": []}}
        again = resolve(Options.model_validate_json(json.dumps(plain)), Installed())
        assert again == found

    def test_an_unresolved_choice_serialises_as_stated(self) -> None:
        assert Options.model_validate({"named": "circle"}).model_dump(mode="json")["named"] == {"kind": "circle"}

    def test_paths_start_from_the_file(self) -> None:
        document = parse_yaml("named: {kind: square, side: 1, texture: a.png}", "/data/file.yaml")
        found = resolve(validate(Options, document), Installed(), document)
        assert found.named.chosen.texture == Path("/data/a.png")
        assert made(named={"kind": "square", "side": 1, "texture": "a.png"}).named.chosen.texture == Path("a.png")


class TestProblems:
    def test_an_unknown_name_gets_a_suggestion_and_its_location(self) -> None:
        [found] = problems("nested:\n  shape: {kind: cirkle}\n")
        assert found == (
            "/data/file.yaml:2:11: nested.shape.kind: no shape 'cirkle' is installed; did you mean 'circle'?"
        )

    def test_a_choice_stated_as_a_name_is_located_at_its_value(self) -> None:
        [found] = problems("several: [circle, squar]")
        assert "file.yaml:1:" in found
        assert "no shape 'squar' is installed; did you mean 'square'?" in found

    def test_a_wrong_role(self) -> None:
        [found] = problems("round: {kind: square, side: 3}")
        assert (
            "file.yaml:1:9: round.kind: 'square' has the role edged or any; this option needs the role round" in found
        )

    def test_a_component_without_roles(self) -> None:
        [found] = problems("named: nothing")
        assert "'nothing' has the role none; this option needs the role any" in found

    def test_an_invalid_option_is_reported_at_its_location(self) -> None:
        [first, second] = problems("named:\n  kind: circle\n  radius: 0\n  spots: [a]\n")
        assert "file.yaml:3:3: named.radius: input should be greater than or equal to 1, got 0" in first
        assert "file.yaml:4:11: named.spots.0:" in second

    def test_a_misspelt_and_a_missing_option(self) -> None:
        found = problems("free: {kind: frame, inside: {kind: square, sied: 3}}")
        assert any("free.inside.sied: unknown option; did you mean 'side'?" in each for each in found)
        assert any("free.inside.side: is required" in each for each in found)

    def test_all_problems_are_reported_at_once(self) -> None:
        assert len(problems("named: cirkle\nround: {kind: square, side: 1}\nseveral: [nothing]")) == 3

    def test_incompatible_choices(self) -> None:
        [found] = problems("optional: circle")
        assert found.endswith("optional: 'circle' is the round one already")
        [found] = problems("free: {kind: frame, inside: {kind: frame, inside: circle}}")
        assert "free: inside: a frame holds no frame" in found

    def test_compatibility_is_checked_only_between_valid_choices(self) -> None:
        [found] = problems("optional: {kind: circle, radius: 0}")
        assert "radius" in found

    def test_without_a_file_the_option_is_named(self) -> None:
        with pytest.raises(ConfigError, match=r"^named.radius: "):
            made(named={"kind": "circle", "radius": 0})


def test_choices_in_includes_choices_inside_components() -> None:
    found = made(
        several=["circle"], mapped={"a": "circle"}, free={"kind": "frame", "inside": {"kind": "square", "side": 1}}
    )
    assert [each.kind for each in choices_in(found)] == [
        *("circle", "circle", "circle"),  # round, named, several
        *("circle", "circle", "frame", "square"),  # nested, mapped, free and the one inside it
    ]
    assert [*choices_in(None)] == [*choices_in("circle")] == []


def test_choices_are_equal_by_value() -> None:
    one, other = made().named, ShapeChoice.read(Circle())
    assert one == other
    assert hash(one) == hash(other)
    assert one != ShapeChoice("circle", {"radius": 9})
    assert one != "circle"
    assert repr(other) == "circle(radius=3, spots=[])"


def test_a_schema_has_a_placeholder_with_the_role() -> None:
    properties = Options.model_json_schema()["properties"]
    assert properties["round"][CHOICE] == {"catalog_kind": "shapes", "role": "round"}
    assert properties["round"]["default"] == {"kind": "circle", "radius": 2, "spots": []}
    assert properties["several"]["items"][CHOICE] == {"catalog_kind": "shapes", "role": "any"}
    assert properties["optional"]["anyOf"][0][CHOICE]["role"] == "any"
    assert properties["also"]["anyOf"][0][CHOICE] == {"catalog_kind": "shapes"}


def test_a_role_is_field_metadata() -> None:
    assert Role("round") in Options.model_fields["round"].metadata


def test_a_validator_of_the_options_sees_choices() -> None:
    class Checked(Config):
        shape: ShapeChoice = choice("any", "circle")

        @model_validator(mode="after")
        def _seen(self) -> Self:
            assert isinstance(self.shape, ShapeChoice)
            return self

    assert resolve(Checked(), Installed()).shape.chosen == Circle()
    stated: Mapping[str, Any] = Checked().model_dump(mode="json")
    assert stated == {"shape": {"kind": "circle"}}


def test_missing_components_of_optional_kinds_stay_unresolved() -> None:
    options = Options(free="nowhere")  # type: ignore[arg-type]
    found = resolve(options, Installed(), optional=("shapes",))
    assert found.free is not None
    assert found.free.component is None
    assert found.named.chosen == Circle()
    with pytest.raises(ConfigError, match=r"free\.kind: .*'nowhere'"):
        resolve(options, Installed(), optional=("losses",))
