"""The settings that a policy has: their names, forms, limits, defaults and meanings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from connector.core import conditions
from connector.core.condition_tree import Condition
from connector.core.mark import Mark, Problems, nearest, wrong
from connector.core.yamlfile import Node, Scalar, Section
from connector.core.yamlshape import choice, flag, is_empty, number, scalar, section, text, texts


class Form(StrEnum):
    """What a setting's value looks like."""

    NUMBER = "number"
    SHARE = "share between 0 and 1"
    FLAG = "yes or no"
    CHOICE = "one of a few words"
    PROPERTY = "number property of contacts"
    TEXTS = "list of texts"
    DOMAINS = "list of domains"
    PIPELINES = "list of pipelines"
    STAGE = "stage"
    STAGES = "list of stages"
    STATUS = "lead status"
    STATUSES = "list of lead statuses"
    CONDITION = "condition"
    ALIASES = "mapping of stages to stages"


@dataclass(frozen=True, slots=True)
class Word:
    """A text of a policy with its place; `own` is False where a preset says it."""

    text: str
    mark: Mark
    own: bool


Plain: TypeAlias = float | bool | str | Condition | None
"""A setting that needs no portal to be understood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as a policy says it: `words` for names and texts, `plain` for the rest."""

    name: str
    form: Form
    mark: Mark
    own: bool
    words: tuple[Word, ...] = ()
    plain: Plain = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What a setting may be; `default` holds words as a file would."""

    name: str
    form: Form
    meaning: str
    default: tuple[str, ...] | float | bool | str | None = None
    options: tuple[str, ...] = ()


def _spec(name: str, form: Form, default: object, meaning: str, *options: str) -> Spec:
    assert default is None or isinstance(default, tuple | float | int | bool | str)  # noqa: S101 - narrows the table below
    return Spec(name=name, form=form, default=default, meaning=meaning, options=options)
