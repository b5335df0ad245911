import json
import os
import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, field_validator

from img2imgkit.config import (
    Config,
    Document,
    Location,
    assignments,
    load_yaml,
    parse_yaml,
    suggestion,
    validate,
    with_absolute_paths,
    without_folders,
)
from img2imgkit.errors import ConfigError

WORDS = st.text("ab 01:-#~,[]{}&*!|>'\"\\%@é", max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=9,
)


class Part(Config):
    share: float = 0.5


class Slow(Config):
    kind: Literal["slow"] = "slow"
    patience: int = 1


class Quick(Config):
    kind: Literal["quick"] = "quick"
    hurry: int


class Options(Config):
    tile: int = 0
    strength: float = Field(default=1.0, gt=0)
    name: str = ""
    flag: bool = False
    mode: Literal["fast", "exact"] = "fast"
    part: Part = Part()
    parts: tuple[Part, ...] = ()
    maybe: int | None = None
    side: Annotated[int, Field(ge=16)] | Literal["auto", "off"] = "auto"
    engine: Annotated[Slow | Quick, Field(discriminator="kind")] = Slow()
    engines: dict[str, Slow | None] = Field(default_factory=dict)


def problems(text, model=Options, at=()):
    with pytest.raises(ConfigError) as caught:
        validate(model, parse_yaml(text, "a.yaml"), at)
    return [str(problem) for problem in caught.value.problems]


class TestScalars:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("no", "no"),
            ("yes", "yes"),
            ("on", "on"),
            ("true", True),
            ("False", False),
            ("~", None),
            ("", None),
            ("null", None),
            ("1e-4", 1e-4),
            ("1E5", 1e5),
            (".5", 0.5),
            ("1.", 1.0),
            ("-3", -3),
            ("+3", 3),
            ("0x1F", 31),
            ("0o17", 15),
            ("017", 17),
            ("12:30", "12:30"),
            ("2024-01-02", "2024-01-02"),
            ("1_000", "1_000"),
            ("'1'", "1"),
            ("!!str 12", "12"),
            ("!!int '12'", 12),
            ("=", "="),
            ("<<", "<<"),
        ],
    )
    def test_scalars_are_those_of_yaml_1_2(self, text, value):
        found = parse_yaml(f"a: {text}").data["a"]
        assert (found, type(found)) == (value, type(value))

    @pytest.mark.parametrize(("text", "value"), [(".inf", "inf"), ("-.inf", "-inf"), ("+.INF", "inf"), (".NaN", "nan")])
    def test_numbers_that_are_not_finite(self, text, value):
        assert str(parse_yaml(f"a: {text}").data["a"]) == value

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("!!int abc", "'abc' is not a valid int"),
            ("!!bool yes", "'yes' is not a valid bool"),
            ("!!binary aGk=", "tag 'tag:yaml.org,2002:binary' is not supported"),
            ("!!python/object:os.system {}", "not supported"),
            ("!mine x", "tag '!mine' is not supported"),
            ("!!set {a, b}", "not supported"),
            ("!!omap [a: 1]", "not supported"),
            ("9" * 5000, "a number has 5000 digits"),
            ("1" * 401 + ".5", "digits"),
        ],
    )
    def test_values_without_plain_meaning_are_rejected_with_their_location(self, text, said):
        with pytest.raises(ConfigError, match=re.escape(said)) as caught:
            parse_yaml(f"a: 1\nb: {text}", "x.yaml")
        assert str(caught.value).startswith("x.yaml:2:4: invalid YAML: ")

    def test_a_key_that_is_not_text_is_rejected(self):
        with pytest.raises(ConfigError, match=r":1:3: invalid YAML: a key must be plain text"):
            parse_yaml("? [a, b]\n: c", "x.yaml")

    @given(JSON)
    def test_json_is_read_as_json(self, value):
        text = json.dumps(value)
        assert parse_yaml(text).data == value


class TestFiles:
    def test_every_key_and_entry_has_its_location(self):
        document = parse_yaml("name: x\nsteps:\n  - uses: read\n    with: {folder: in}\n", "a.yaml")
        assert document.marks["name",] == (1, 1)
        assert document.marks["steps", 0] == (3, 5)
        assert document.marks["steps", 0, "with", "folder"] == (4, 12)

    def test_a_duplicate_key_is_an_error_at_the_second(self):
        with pytest.raises(ConfigError, match=r"^a\.yaml:2:1: invalid YAML: duplicate key 'x'$"):
            parse_yaml("x: 1\nx: 2", "a.yaml")

    @pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\t- x", "a: 'x", "a\n---\nb", "a: *missing", "a: \x01"])
    def test_broken_yaml_is_an_error(self, text):
        with pytest.raises(ConfigError, match=r"^a\.yaml:.*invalid YAML"):
            parse_yaml(text, "a.yaml")

    def test_aliases_are_followed(self):
        assert parse_yaml("a: &x [1, 2]\nb: *x").data == {"a": [1, 2], "b": [1, 2]}

    def test_an_alias_bomb_is_rejected(self):
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
        with pytest.raises(ConfigError, match="more than 100000 entries"):
            parse_yaml("\n".join(lines))

    @pytest.mark.parametrize("text", ["[" * 3000 + "]" * 3000, "&a [*a]", "{a: " * 3000 + "1" + "}" * 3000])
    def test_endless_nesting_is_rejected(self, text):
        with pytest.raises(ConfigError, match="nested too deeply"):
            parse_yaml(text)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(ConfigError, match=r"gone\.yaml: cannot read it: No such file"):
            load_yaml(tmp_path / "gone.yaml")

    def test_a_folder_instead_of_a_file(self, tmp_path):
        with pytest.raises(ConfigError, match="cannot read it"):
            load_yaml(tmp_path)

    def test_a_file_that_is_not_utf8(self, tmp_path):
        (tmp_path / "latin.yaml").write_bytes("name: café".encode("latin-1"))
        with pytest.raises(ConfigError, match=r"latin\.yaml: cannot read it: not UTF-8 text"):
            load_yaml(tmp_path / "latin.yaml")

    def test_an_empty_file_states_nothing(self, tmp_path):
        (tmp_path / "empty.yaml").write_text("# only a comment\n")
        assert validate(Options, load_yaml(tmp_path / "empty.yaml")) == Options()


class TestStrictness:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("tile: true", "a.yaml:1:1: tile: input should be a valid integer, got True"),
            ("tile: '1'", "a.yaml:1:1: tile: input should be a valid integer, got '1'"),
            ("tile: 1.5", "a.yaml:1:1: tile: input should be a valid integer, got 1.5"),
            ("strength: 0", "a.yaml:1:1: strength: input should be greater than 0, got 0"),
            ("strength: '1e-4'", "a.yaml:1:1: strength: input should be a valid number, got '1e-4'"),
            ("name: 7", "a.yaml:1:1: name: input should be a valid string, got 7"),
            ("flag: yes", "a.yaml:1:1: flag: input should be a valid boolean, got 'yes'"),
            ("flag: 1", "a.yaml:1:1: flag: input should be a valid boolean, got 1"),
            ("mode: fsat", "a.yaml:1:1: mode: input should be 'fast' or 'exact', got 'fsat'; did you mean 'fast'?"),
            ("part: 3", "a.yaml:1:1: part: expected a mapping of options, got 3"),
            ("tyle: 3", "a.yaml:1:1: tyle: unknown option; did you mean 'tile'?"),
            ("part: {shrae: 3}", "a.yaml:1:8: part.shrae: unknown option; did you mean 'share'?"),
            ("parts: [{}, {shrae: 3}]", "a.yaml:1:14: parts.1.shrae: unknown option; did you mean 'share'?"),
            ("zzz: 3", "a.yaml:1:1: zzz: unknown option"),
            ("side: 8", "1: side: input should be greater than or equal to 16, or 'auto' or 'off', got 8"),
            ("side: atuo", "input should be a valid integer, or 'auto' or 'off', got 'atuo'; did you mean 'auto'?"),
            ("engine: {kind: slow, patiense: 1}", ":22: engine.patiense: unknown option; did you mean 'patience'?"),
            ("engine: {kind: slwo}", "engine.kind: expected one of 'slow', 'quick', got 'slwo'; did you mean 'slow'?"),
            ("engine: {hurry: 1}", "a.yaml:1:1: engine.kind: is required"),
            ("engine: {kind: quick}", "a.yaml:1:1: engine.hurry: is required"),
            ("engine: {kind: quick, hurry: x}", ":23: engine.hurry: input should be a valid integer, got 'x'"),
            ("engines: {a: {patience: x}}", ":15: engines.a.patience: input should be a valid integer, got 'x'"),
            ("7", "expected a mapping of options, got 7"),
        ],
    )  # fmt: skip
    def test_invalid_values_are_reported_with_location_and_fix(self, text, said):
        (found,) = problems(text)
        assert found.endswith(said)

    def test_an_integer_is_accepted_as_a_float(self):
        assert validate(Options, parse_yaml("strength: 2")).strength == 2.0

    def test_all_problems_are_reported_at_once_in_file_order(self):
        found = problems("strength: -1\nname: 3\npart: {share: x}\ntile: a\n")
        assert [line.split(": ")[0] for line in found] == ["a.yaml:1:1", "a.yaml:2:1", "a.yaml:3:8", "a.yaml:4:1"]

    def test_a_missing_option_is_reported_at_its_parent(self):
        class Needs(Config):
            folder: str

        assert problems("steps:\n- x: 1\n- {}", Needs, ("steps", 1)) == ["a.yaml:3:3: steps.1.folder: is required"]

    def test_the_message_of_a_validator_is_kept(self):
        class Even(Config):
            size: int

            @field_validator("size")
            @classmethod
            def even(cls, value):
                if value % 2:
                    raise ValueError("must be even")
                return value

        assert problems("size: 3", Even) == ["a.yaml:1:1: size: must be even"]

    def test_options_are_immutable(self):
        with pytest.raises(ValueError, match="frozen"):
            Options().tile = 3


class TestOverrides:
    @pytest.mark.parametrize(
        ("assignment", "key", "value"),
        [
            ("a.0.b=2", ("a", 0, "b"), 2),
            ("a.0.c=x y", ("a", 0, "c"), "x y"),
            ("new.deep.key=[1, 2]", ("new", "deep", "key"), [1, 2]),
            ("a.1=~", ("a", 1), None),
            ("text=a=b", ("text",), "a=b"),
            ("text=", ("text",), None),
        ],
    )
    def test_a_value_is_set(self, assignment, key, value):
        found = parse_yaml("a: [{b: 1}, 7]\ntext: old").with_overrides([assignment]).data
        for part in key:
            found = found[part]
        assert found == value

    def test_the_original_is_unchanged(self):
        document = parse_yaml("a: {b: [1]}")
        document.with_overrides(["a.b.0=2"])
        assert document.data == {"a": {"b": [1]}}

    def test_later_assignments_win(self):
        assert parse_yaml("a: 1").with_overrides(["a=2", "a=3"]).data == {"a": 3}

    @pytest.mark.parametrize(
        ("assignment", "said"),
        [
            ("a.0", "expected KEY=VALUE"),
            ("=3", "expected KEY=VALUE"),
            ("a.5=1", "a has 1 entries; entry 5 does not exist"),
            ("a.b=1", "cannot set a value at 'a.b'"),
            ("text.x=1", "cannot set a value at 'text.x'"),
            ("a.²=1", "cannot set a value at"),
            ("text=[1", "invalid YAML"),
            ("text=!!int x", "invalid YAML: 'x' is not a valid int"),
        ],
    )
    def test_impossible_overrides_are_reported(self, assignment, said):
        with pytest.raises(ConfigError, match=re.escape(said)) as caught:
            parse_yaml("a: [1]\ntext: old").with_overrides([assignment], "the command")
        assert str(caught.value).startswith("the command")
        assert assignment.partition("=")[0] in str(caught.value)

    def test_a_problem_in_an_override_is_reported_there(self):
        document = parse_yaml("tile: 1", "a.yaml").with_overrides(["tile=x", "part.shrae=1"], "the command")
        with pytest.raises(ConfigError) as caught:
            validate(Options, document)
        assert {str(problem).partition(":")[0] for problem in caught.value.problems} == {"the command"}

    def test_values_are_set_without_parsing(self):
        document = parse_yaml("a: [{b: 1}]").with_values({"a.0.b": "2", "c": {"d": [None]}})
        assert document.data == {"a": [{"b": "2"}], "c": {"d": [None]}}

    def test_values_are_copied(self):
        mine = {"d": [1]}
        parse_yaml("a: 1").with_values({"c": mine}).with_values({"c.d.0": 2})
        assert mine == {"d": [1]}

    def test_each_problem_names_the_source_of_its_own_value(self):
        document = (
            parse_yaml("tile: 1", "a.yaml").with_values({"tile": "x"}, "first").with_values({"more": 1}, "second")
        )
        with pytest.raises(ConfigError) as caught:
            validate(Options, document)
        assert {problem.key: problem.file for problem in caught.value.problems} == {"tile": "first", "more": "second"}


class TestAssignments:
    def test_values_are_yaml(self):
        stated = ["a.b=[1, x]", "c=1e-3", "d=no"]
        assert assignments(stated, "x", "a=1") == {"a.b": [1, "x"], "c": 1e-3, "d": "no"}

    def test_the_last_value_of_a_key_wins_and_comes_last(self):
        assert list(assignments(["a=1", "b=2", "a=3"], "x", "a=1").items()) == [("b", 2), ("a", 3)]

    @pytest.mark.parametrize(
        ("text", "said"),
        [("a", "here a: expected KEY=VALUE, such as k=1"), ("a=[", "here a=[: invalid YAML: ")],
    )
    def test_invalid_assignments_are_rejected(self, text, said):
        with pytest.raises(ConfigError, match=re.escape(said)):
            assignments([text], "here", "k=1")


class TestPaths:
    class Places(Config):
        folder: Annotated[Path, Location()] = Path()
        bundle: Annotated[str, Location(or_name=True)] = ""
        several: Annotated[tuple[Path, ...], Location()] = ()
        model: Annotated[str, Location(or_name=True, holding=("bundle.json",))] = ""

    def read(self, text, file):
        document = text if isinstance(text, Document) else parse_yaml(text, str(file))
        return validate(self.Places, document, (), with_absolute_paths(self.Places, document))

    def test_a_path_is_relative_to_the_file_that_states_it(self, tmp_path):
        found = self.read("{folder: ../in, several: [a, /b]}", tmp_path / "x" / "a.yaml")
        assert (found.folder, found.several) == (tmp_path / "in", (tmp_path / "x" / "a", Path("/b")))

    def test_an_overridden_path_is_relative_to_the_current_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        document = parse_yaml("folder: in", "/elsewhere/a.yaml").with_overrides(["folder=out"])
        assert self.read(document, "").folder == tmp_path / "out"

    @pytest.mark.parametrize(("stated", "is_name"), [("sr-x2", True), ("./sr-x2", False), ("models/sr-x2", False)])
    def test_a_name_stays_a_name(self, tmp_path, stated, is_name):
        found = self.read(f"bundle: {stated}", tmp_path / "a.yaml").bundle
        assert found == (stated if is_name else str(tmp_path / stated))

    def test_a_file_of_that_name_wins(self, tmp_path):
        (tmp_path / "sr-x2").mkdir()
        assert self.read("bundle: sr-x2", tmp_path / "a.yaml").bundle == str(tmp_path / "sr-x2")

    def test_a_folder_without_the_expected_files_leaves_the_name(self, tmp_path):
        (tmp_path / "sr-x2").mkdir()
        assert self.read("model: sr-x2", tmp_path / "a.yaml").model == "sr-x2"
        (tmp_path / "sr-x2" / "bundle.json").touch()
        assert self.read("model: sr-x2", tmp_path / "a.yaml").model == str(tmp_path / "sr-x2")

    def test_an_unknown_home_is_a_folder_name(self, tmp_path):
        found = self.read("folder: ~nobody-of-that-name/x", tmp_path / "a.yaml").folder
        assert found == tmp_path / "~nobody-of-that-name" / "x"


class TestPlainValuesOrOptions:
    """A union of plain values and options: problems of the options are reported, not those of the plain types."""

    class Model(Config):
        values: dict[str, str | int | Part] = Field(default_factory=dict)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("values: {a: {shrae: 1}}", "a.yaml:1:14: values.a.shrae: unknown option; did you mean 'share'?"),
            ("values: {a: {share: x}}", "a.yaml:1:14: values.a.share: input should be a valid number, got 'x'"),
            ("values: {a: [1]}", "a.yaml:1:10: values.a: input should be a valid string, or a valid integer, or an"),
        ],
    )
    def test_one_mistake_is_one_problem(self, text, said):
        with pytest.raises(ConfigError) as caught:
            validate(self.Model, parse_yaml(text, "a.yaml"))
        assert len(caught.value.problems) == 1
        assert str(caught.value).startswith(said)


@pytest.mark.parametrize(("word", "said"), [("tyle", "; did you mean 'tile'?"), ("qqq", "")])
def test_only_a_similar_name_is_suggested(word, said):
    assert suggestion(word, ["tile", "overlap"]) == said


def test_paths_of_one_machine_become_names():
    data = {"a": "/x/net.pth", "b": ["/y/z", "imagenet", "a/b", 3], "c": {"d": None}}
    assert without_folders(data) == {"a": "net.pth", "b": ["z", "imagenet", "a/b", 3], "c": {"d": None}}


class TestSize:
    def test_a_file_that_is_too_large_is_refused_before_it_is_parsed(self, tmp_path, monkeypatch):
        monkeypatch.setattr("img2imgkit.config.document.parse_yaml", lambda *_: pytest.fail("was parsed"))
        path = tmp_path / "a.yaml"
        path.touch()
        os.truncate(path, 1 << 40)
        with pytest.raises(ConfigError, match=r"a\.yaml: cannot read it: larger than 1 MiB"):
            load_yaml(path)

    @pytest.mark.parametrize("text", ["[" + "a," * 1000 + "'", "\n".join(["- {a: 1, b: 2}"] * 400) + "\n- '"])
    def test_too_many_entries_are_refused_before_the_rest_is_read(self, text, monkeypatch):
        """The rest is invalid, but not reached."""
        monkeypatch.setattr("img2imgkit.config.yaml12.MAX_NODES", 500)
        with pytest.raises(ConfigError, match="more than 500 entries"):
            parse_yaml(text)

    def test_a_very_long_key_gets_no_suggestion(self):
        assert suggestion("tile" * 100_000, ["tile" * 99_999]) == ""
