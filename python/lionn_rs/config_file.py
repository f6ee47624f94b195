"""TOML files of :mod:`lionn_rs.config`: read, check, write, and say in one line what is wrong."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from lionn_rs.datasets import DATASET_PREFIX
from lionn_rs.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["load_config", "parse_config", "read_toml", "resolve_path", "to_toml"]

Config = TypeVar("Config", bound=BaseModel)


def read_toml(path: str | Path) -> dict[str, Any]:
    """Content of a TOML file.

    Raises
    ------
    ConfigError
        The file is missing or is not TOML; the message names the line.
    """
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def load_config(
    path: str | Path, model: type[Config], overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> Config:
    """Read and check a TOML file.

    Parameters
    ----------
    path : str or Path
        The TOML file.
    model : type
        One of the top-level models of :mod:`lionn_rs.config`.
    overrides : mapping, optional
        ``{section: {key: value}}`` from the command line; ``None`` values are ignored.

    Returns
    -------
    model
        With file names resolved relative to the TOML file. Sections of other commands are left
        out, so that one file serves all of them.

    Raises
    ------
    ConfigError
        Unknown or missing keys, wrong types, values out of range: one line with file, section,
        key, value and what was expected.
    """
    from lionn_rs.config import RunConfig, ScanConfig
    from lionn_rs.config_campaign import CampaignConfig
    from lionn_rs.config_label import LabelConfig
    from lionn_rs.structures.rule import DopeConfig

    content = read_toml(path)
    known = RunConfig.model_fields.keys() | ScanConfig.model_fields.keys()
    known |= CampaignConfig.model_fields.keys() | LabelConfig.model_fields.keys()
    known |= DopeConfig.model_fields.keys()
    for section in known - model.model_fields.keys():
        content.pop(section, None)
    merge_overrides(content, overrides or {})
    return parse_config(content, model, source=str(path), folder=Path(path).parent)


def parse_config(
    content: dict[str, Any], model: type[Config], *, source: str, folder: Path | None = None
) -> Config:
    """Check the content of a TOML file (see :func:`load_config`).

    Parameters
    ----------
    content : dict
        Parsed TOML; changed in place: file names are made relative to the current folder.
    model : type
        One of the top-level models of :mod:`lionn_rs.config`.
    source : str
        Name of the file, for messages.
    folder : Path, optional
        Folder that file names are relative to.
    """
    if folder is not None:
        _resolve_paths(content, folder)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        raise ConfigError(f"{source}: {_describe(details[0], model)}{more}") from error


def merge_overrides(content: dict[str, Any], overrides: Mapping[str, Mapping[str, Any]]) -> None:
    """Put command-line values over those of the file, in place; ``None`` means not given."""
    for section, values in overrides.items():
        for key, value in values.items():
            if value is not None:
                content.setdefault(section, {})[key] = value


def to_toml(config: BaseModel) -> str:
    """TOML text of a configuration with every default written out.

    Keys that are unset (``None``) stand as comments, because TOML has no null; each key is
    preceded by its description and unit.
    """
    lines: list[str] = []
    for name, field in type(config).model_fields.items():
        section = getattr(config, name)
        lines += [f"# {field.description}", f"[{name}]"]
        tables: list[str] = []
        for key, entry in type(section).model_fields.items():
            value = getattr(section, key)
            if _is_list_of_models(value):
                tables += ["", f"# {entry.description}"]
                for item in value:
                    tables += [f"[[{name}.{key}]]", *_key_lines(item)]
            elif isinstance(value, dict):
                tables += ["", f"# {entry.description}", _table(name, key, value)]
            else:
                lines += [f"# {entry.description}", _key_line(key, value)]
        lines += [*tables, ""]
    return "\n".join(lines)


def _table(section: str, key: str, value: dict[str, Any]) -> str:
    import tomli_w

    return tomli_w.dumps({section: {key: value}}).rstrip()


def _is_list_of_models(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, BaseModel) for item in value)


def _key_lines(section: BaseModel) -> list[str]:
    return [_key_line(key, getattr(section, key)) for key in type(section).model_fields]


def _key_line(key: str, value: Any) -> str:
    import tomli_w

    if value is None:
        return f"# {key} ="
    value = list(value) if isinstance(value, tuple) else value
    return tomli_w.dumps({key: value}).rstrip()


def resolve_path(text: str, folder: Path) -> str:
    """Return a file name relative to ``folder``, unless it is absolute or a bundled data set."""
    if text.startswith(DATASET_PREFIX) or Path(text).is_absolute():
        return text
    return str(folder / text)


def _resolve_paths(content: dict[str, Any], folder: Path) -> None:
    _resolve_list(content.get("data"), "images", folder)
    md = content.get("md")
    for key in ("structure", "committee"):
        if isinstance(md, dict) and isinstance(md.get(key), str):
            md[key] = resolve_path(md[key], folder)
    campaign = content.get("campaign")
    _resolve_list(campaign, "potentials", folder)
    structures = campaign.get("structures") if isinstance(campaign, dict) else None
    for entry in structures if isinstance(structures, list) else []:
        _resolve_list(entry, "files", folder)


def _resolve_list(section: Any, key: str, folder: Path) -> None:
    """Resolve a list of file names, in place; one name stands for a list of one."""
    names = section.get(key) if isinstance(section, dict) else None
    if isinstance(names, str):
        section[key] = [resolve_path(names, folder)]
    elif isinstance(names, list) and all(isinstance(name, str) for name in names):
        section[key] = [resolve_path(name, folder) for name in names]


def _describe(detail: ErrorDetails, model: type[BaseModel]) -> str:
    """One line for one pydantic error."""
    location = [part for part in detail["loc"] if not _is_branch_label(part)]
    kind, value = detail["type"], detail["input"]
    if not location:  # raised by a validator of the whole file: the text is complete
        return detail["msg"].removeprefix("Value error, ")
    section, keys = str(location[0]), location[1:]
    if section not in model.model_fields:
        return _unknown_section(section, model)
    where, fields = f"[{section}]", _section_model(model, section).model_fields
    if len(keys) > 1 and (inner := _model_of_list(fields, str(keys[0]))) is not None:
        where, fields, keys = f"{where} {keys[0]}[{keys[1]}]:", inner.model_fields, keys[2:]
    if kind == "extra_forbidden":
        return f"{where} unknown key '{keys[0]}' ({_hint(str(keys[0]), fields)})"
    if kind == "missing" and not keys:
        return f"missing section [{section}] ({model.model_fields[section].description})"
    if kind == "missing" and len(keys) == 1:
        return f"{where} missing key '{keys[0]}' ({fields[str(keys[0])].description})"
    if not keys and kind == "value_error":
        return f"{where} {detail['msg'].removeprefix('Value error, ')}"
    if not keys:
        return f"{where} must be a section (a table of keys), got {value!r}"
    indices = [] if kind == "missing" else keys[1:]
    name = str(keys[0]) + "".join(f"[{part}]" for part in indices)
    return f"{where} {name}: {_expectation(detail)}, got {value!r}"


def _unknown_section(section: str, model: type[BaseModel]) -> str:
    known = list(model.model_fields)
    close = get_close_matches(section, known, n=1)
    hint = f"did you mean [{close[0]}]?" if close else f"sections: {', '.join(known)}"
    return f"unknown section [{section}] ({hint})"


def _hint(key: str, fields: Mapping[str, Any]) -> str:
    close = get_close_matches(key, list(fields), n=1)
    return f"did you mean '{close[0]}'?" if close else f"keys: {', '.join(fields)}"


def _model_of_list(fields: Mapping[str, FieldInfo], key: str) -> type[BaseModel] | None:
    """Model of the tables that a key lists, None if it lists none."""
    pending = [fields[key].annotation] if key in fields else []
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        pending += get_args(annotation)
    return None


def _section_model(model: type[BaseModel], section: str) -> type[BaseModel]:
    annotation = model.model_fields[section].annotation
    candidates = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else ()
    for candidate in (annotation, *candidates):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    raise TypeError(f"section '{section}' is not a model")


def _is_branch_label(part: int | str) -> bool:
    """Pydantic adds the name of the union member that it tried ('list[str]', 'float')."""
    return isinstance(part, str) and ("[" in part or part in {"float", "int", "str", "bool"})


def _expectation(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "has too few values"
        case "int_from_float" | "int_type" | "int_parsing":
            return "must be a whole number"
        case "float_type" | "float_parsing":
            return "must be a number"
        case "string_type":
            return "must be text"
        case "literal_error":
            return f"must be {context['expected']}"
        case "greater_than":
            return f"must be greater than {context['gt']:g}"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than":
            return f"must be less than {context['lt']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case "too_short":
            return f"must have at least {context['min_length']} value(s)"
        case "too_long":
            return f"must have at most {context['max_length']} value(s)"
        case "list_type" | "tuple_type":
            return "must be a list"
        case _:
            message = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
            return message.replace("should", "must").lower()
