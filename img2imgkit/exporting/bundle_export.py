"""Export a bundle: write to a temporary folder, open the result, verify it, and only then move it into place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from img2imgkit.bundle import (
    EXPORTED_FILE,
    EXPORTED_FORMAT,
    Bundle,
    Exported,
    PortDescription,
    ProgramDescription,
    read_exported,
)
from img2imgkit.config import suggestion
from img2imgkit.errors import ConfigError
from img2imgkit.exchange import Exporter, Form, Program
from img2imgkit.exporting.calibration import samples_of
from img2imgkit.exporting.export_options import ExportOptions, Size
from img2imgkit.exporting.export_paths import beside, put_in_place, refuse_place
from img2imgkit.exporting.programs import programs_of
from img2imgkit.exporting.proof import prove
from img2imgkit.inference.engines.tensorflow_engine import rebuilt

ALL = "all"


@dataclass(frozen=True)
class ExportedFile:
    """An export on disk.

    Attributes:
        path: the file or folder
        size: total bytes of all its files
        about: the description stored in it
        differences: the largest difference of each program, relative to the range of its output; empty if not compared
        unproved: the software that was missing for the comparison; "" if the export was compared
    """

    path: Path
    size: int
    about: Exported
    differences: Mapping[str, float]
    unproved: str = ""


def export_bundle(
    bundle: Bundle, exporter: Exporter, path: Path, options: ExportOptions | None = None, replacing: bool = False
) -> ExportedFile:
    """Write a bundle in another format and verify that the result computes the same as the bundle's networks.

    The result is not verified if software that opens it is not installed; see ``ExportedFile.unproved``.

    Args:
        path: a file with the format's suffix, or a folder if the format or the number of programs requires one
        replacing: whether to replace an existing file, or a folder written by an earlier export

    Raises:
        ConfigError: the options do not fit the bundle or the format.
        ExportError: the export cannot be written, or its outputs differ. Nothing new is left on disk, and an existing
            export stays intact.
    """
    options = _with_fixed(exporter, options or ExportOptions())
    _refuse_misfits(exporter, options)
    size = None if options.size == "dynamic" else options.size
    chosen = bundle.choosing(options.choices)
    programs = programs_of(bundle, options.choices, options.image_io, options.layout, size)
    originals = _chosen(exporter, programs, options.program)
    together = exporter.several or (len(originals) == 1 and options.program != ALL)
    refuse_place(path, exporter.suffix if together else "", exporter.name, replacing)
    about = described_export(chosen, originals, options)
    form = Form(options.precision, options.opset, samples_of(chosen, originals, options))
    job = _Job(exporter, form, about, originals, _as_written(chosen, exporter, options, size, originals))
    with beside(path) as fresh:
        differences = job.whole(fresh) if together else job.apart(fresh)
        found = job.read_back(fresh, together)
        written = sum(each.stat().st_size for each in [fresh, *fresh.rglob("*")] if each.is_file())
        put_in_place(fresh, path)
    return ExportedFile(path, written, found, differences, exporter.lacks())


def described_export(bundle: Bundle, programs: Sequence[Program], options: ExportOptions) -> Exported:
    """What is stored with an export: the bundle's manifest, the programs, and how they represent pictures."""
    return Exported(
        format=EXPORTED_FORMAT,
        manifest=bundle.manifest.model_copy(update={"form": None}),
        image_io=options.image_io,
        layout=options.layout,
        precision=options.precision,
        size=None if options.size == "dynamic" else options.size,
        choices=bundle.task.choices.model_dump(mode="json"),
        keeps_grey=bundle.task.keeps_grey,
        programs=tuple(map(_described, programs)),
    )


@dataclass(frozen=True)
class _Job:
    """Writes programs and verifies the result.

    Attributes:
        originals: the programs to compare with
        programs: the programs to write: the originals, possibly in mixed precision
    """

    exporter: Exporter
    form: Form
    about: Exported
    originals: Sequence[Program]
    programs: Sequence[Program]

    def whole(self, path: Path) -> dict[str, float]:
        """Write all programs to one file or folder."""
        return self._written(path, self.originals, self.programs)

    def apart(self, folder: Path) -> dict[str, float]:
        """Write one file per program."""
        folder.mkdir()
        differences: dict[str, float] = {}
        for original, program in zip(self.originals, self.programs, strict=True):
            path = folder / self.exporter.file_name(program)
            differences |= self._written(path, [original], [program])
        (folder / EXPORTED_FILE).write_text(self.about.text(), encoding="utf-8")
        return differences

    def read_back(self, path: Path, together: bool) -> Exported:
        """Read the description from the written files."""
        files = [path] if together else [path / self.exporter.file_name(each) for each in self.programs]
        found = [read_exported(self.exporter.about(each), str(each)) for each in files]
        return _of_programs(found[0], self.about.programs)

    def _written(self, path: Path, originals: Sequence[Program], programs: Sequence[Program]) -> dict[str, float]:
        about = _of_programs(self.about, tuple(map(_described, originals)))
        self.exporter.write(programs, path, about.model_dump(mode="json"), self.form)
        if self.exporter.lacks():
            return {}
        run = self.exporter.open(path)
        return {each.name: prove(each, self.form.precision, run) for each in originals}


def _of_programs(about: Exported, programs: tuple[ProgramDescription, ...]) -> Exported:
    """The description with its list of programs replaced."""
    return about.model_copy(update={"programs": programs})


def _described(program: Program) -> ProgramDescription:
    return ProgramDescription(
        name=program.name,
        inputs=tuple(PortDescription(**asdict(port)) for port in program.inputs),
        outputs=tuple(PortDescription(**asdict(port)) for port in program.outputs),
        multiple=program.multiple,
        minimum=program.minimum,
        scale=program.scale,
    )


def _chosen(exporter: Exporter, programs: Sequence[Program], program: str | None) -> Sequence[Program]:
    able = exporter.supported(programs)
    if program is None:
        return exporter.defaults(able)
    found = [each for each in able if program in (each.name, ALL)]
    if not found:
        names = [each.name for each in able]
        raise ConfigError(
            f"no program {program!r}{suggestion(program, names)}; {exporter.name} can hold {', '.join(names)}"
        )
    return found


def _as_written(
    bundle: Bundle, exporter: Exporter, options: ExportOptions, size: Size | None, originals: Sequence[Program]
) -> Sequence[Program]:
    """The programs to write: in mixed precision if the format requires the networks themselves to be float16."""
    if options.precision != "float16" or not exporter.mixed:
        return originals
    mixed = replace(bundle, nets=rebuilt(bundle.task, bundle.nets, "float16"))
    made = programs_of(mixed, None, options.image_io, options.layout, size)
    known = {each.name: each for each in made}
    return [known[each.name] for each in originals]


def _with_fixed(exporter: Exporter, options: ExportOptions) -> ExportOptions:
    """The options with those that have one value only in this format.

    Raises:
        ConfigError: another value is stated.
    """
    for name, value in exporter.fixed.items():
        stated = getattr(options, name)
        if name in options.model_fields_set and stated != value:
            raise ConfigError(f"{exporter.name} cannot be written with {name} {stated!r}; it has {value!r} only")
    return options.model_copy(update=dict(exporter.fixed))


def _refuse_misfits(exporter: Exporter, options: ExportOptions) -> None:
    if options.precision not in exporter.precisions:
        known = ", ".join(exporter.precisions)
        raise ConfigError(f"{exporter.name} cannot be written in {options.precision}; it supports {known}")
    if (options.precision == "int8") != (options.calibrate is not None):
        raise ConfigError("precision int8 and 'calibrate', a folder of typical pictures, require each other")
