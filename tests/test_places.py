import pytest

from img2imgkit.errors import ConfigError
from img2imgkit.places import Limits, Places, UserConfig, UserSettings, variable


@pytest.fixture
def home(tmp_path):
    """The folder that the variable names; it does not exist yet."""
    return tmp_path / "home"


@pytest.fixture
def write(home):
    """Write the user's configuration file and return its path."""

    def put(text):
        home.mkdir(exist_ok=True)
        path = home / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return put


def read(home, **environ):
    environ = {"IMG2IMG_HOME": str(home), **environ}
    return UserSettings.read(Places.of_user(environ), environ)


def refusal(home, **environ):
    with pytest.raises(ConfigError) as caught:
        read(home, **environ)
    return str(caught.value)


class TestPlaces:
    def test_the_variable_sets_all_folders(self, home):
        places = Places.of_user({"IMG2IMG_HOME": str(home)})
        assert (places.file, places.data, places.cache) == (home / "config.yaml", home / "data", home / "cache")

    def test_a_relative_home_starts_from_the_current_folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert Places.of_user({"IMG2IMG_HOME": "here/../there"}).config == tmp_path / "there"

    @pytest.mark.parametrize("environ", [{}, {"IMG2IMG_HOME": ""}])
    def test_by_default_the_folders_are_the_operating_systems(self, environ):
        places = Places.of_user(environ)
        for folder in (places.config, places.data, places.cache):
            assert folder.is_absolute()
            assert "img2imgkit" in folder.parts
        assert places.cache != places.data

    def test_nothing_is_created(self, home):
        read(home)
        assert not home.exists()


class TestSettings:
    def test_without_a_file_all_settings_are_defaults(self, home):
        settings = read(home)
        assert settings.config == UserConfig()
        assert dict(settings.origins) == dict.fromkeys(UserConfig.model_fields, "default")

    @pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}"])
    def test_an_empty_file_states_nothing(self, home, write, text):
        write(text)
        assert set(read(home).origins.values()) == {"default"}

    def test_the_file_s_values_come_from_the_file(self, home, write):
        write("threads: 3\n")
        settings = read(home)
        assert settings.config == UserConfig(threads=3)
        assert dict(settings.origins) == {
            "threads": "file",
            "scratch": "default",
            "plugins_dir": "default",
            "limits": "default",
        }

    def test_paths_start_from_the_file(self, home, write):
        write("scratch: fast\n")
        (home / "fast").mkdir()
        assert read(home).config.scratch == home / "fast"

    def test_a_variable_overrides_the_file(self, home, write):
        write("threads: 3\n")
        settings = read(home, IMG2IMG_THREADS="5")
        assert (settings.config.threads, settings.origins["threads"]) == (5, "environment")

    def test_an_empty_variable_states_nothing(self, home, write):
        write("threads: 3\n")
        assert read(home, IMG2IMG_THREADS="").config.threads == 3

    def test_a_path_in_a_variable_starts_from_the_current_folder(self, home, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "12").mkdir()
        assert read(home, IMG2IMG_SCRATCH="12").config.scratch == tmp_path / "12"

    def test_every_setting_has_a_variable_and_a_description(self):
        assert [variable(name) for name in UserConfig.model_fields] == [
            "IMG2IMG_THREADS",
            "IMG2IMG_SCRATCH",
            "IMG2IMG_PLUGINS_DIR",
            "IMG2IMG_LIMITS",
        ]
        assert all(info.description for info in UserConfig.model_fields.values())


class TestLimits:
    def test_the_file_states_some_of_them(self, home, write):
        write("limits:\n  seconds: 5\n  formats: [PNG]\n")
        assert read(home).config.limits == Limits(seconds=5, formats=("PNG",))

    def test_a_variable_is_a_mapping(self, home, write):
        write("limits: {seconds: 5}\n")
        assert read(home, IMG2IMG_LIMITS="{pixels: 100}").config.limits == Limits(pixels=100)

    def test_an_option_overrides_single_limits(self, home, write):
        write("limits: {seconds: 5, bytes: 10}\n")
        environ = {"IMG2IMG_HOME": str(home)}
        settings = UserSettings.read(Places.of_user(environ), environ, {"seconds": 7})
        assert settings.config.limits == Limits(seconds=7, bytes=10)
        assert settings.origins["limits"] == "option"

    def test_an_unknown_limit_is_named_with_its_source(self, home):
        environ = {"IMG2IMG_HOME": str(home)}
        with pytest.raises(ConfigError, match=r"^here: limits\.second: unknown option; did you mean 'seconds'"):
            UserSettings.read(Places.of_user(environ), environ, {"second": 7}, "here")

    @pytest.mark.parametrize("stated", ["{seconds: 0}", "{bytes: 0}", "{memory: 1000}", "{pixels: -1}", "5"])
    def test_an_impossible_limit_is_refused(self, home, stated):
        assert refusal(home, IMG2IMG_LIMITS=stated).startswith("IMG2IMG_LIMITS")


class TestErrors:
    def test_an_unknown_key_gets_its_location_and_a_suggestion(self, home, write):
        path = write("# mine\nthread: 3\n")
        assert refusal(home) == f"{path}:2:1: thread: unknown option; did you mean 'threads'?"

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("threads: 0\n", ":1:1: threads: input should be greater than or equal to 1, got 0"),
            ('threads: "3"\n', ":1:1: threads: input should be a valid integer, got '3'"),
            ("- threads\n", "expected a mapping of options, got ['threads']"),
            ("threads: [1\n", "invalid YAML"),
            ("threads: 1\nthreads: 2\n", ":2:1: "),
        ],
    )
    def test_an_invalid_file_is_rejected_with_the_location(self, home, write, text, told):
        path = write(text)
        assert told in refusal(home)
        assert refusal(home).startswith(str(path))

    def test_a_file_that_cannot_be_read_is_an_error(self, home):
        (home / "config.yaml").mkdir(parents=True)
        assert "cannot read it" in refusal(home)

    def test_a_broken_link_is_an_error(self, home):
        home.mkdir()
        (home / "config.yaml").symlink_to(home / "gone.yaml")
        assert "cannot read it" in refusal(home)

    def test_a_scratch_folder_must_exist(self, home, write):
        path = write("threads: 2\nscratch: fast\n")
        assert (
            refusal(home) == f"{path}:2:1: scratch: {home / 'fast'}: no such folder; create it, or choose another one"
        )

    @pytest.mark.parametrize(
        ("name", "text", "told"),
        [
            ("IMG2IMG_THREADS", "many", "threads: input should be a valid integer, got 'many'"),
            ("IMG2IMG_THREADS", "0", "threads: input should be greater than or equal to 1, got 0"),
            ("IMG2IMG_SCRATCH", "/no/such/folder", "no such folder"),
            ("IMG2IMG_PLUGINS_DIR", "/no/such/folder", "plugins_dir: /no/such/folder: no such folder"),
        ],
    )
    def test_an_invalid_variable_is_named(self, home, name, text, told):
        message = refusal(home, **{name: text})
        assert message.startswith(f"{name}: ")
        assert told in message
