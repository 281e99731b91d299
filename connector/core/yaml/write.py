"""Write values as YAML that can be pasted into a policy file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

YamlValue: TypeAlias = "str | float | bool | Sequence[YamlValue] | Mapping[str, YamlValue] | None"
_WORDS_WITH_A_MEANING: Final = frozenset(
    {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
)


def yaml_scalar(text: str) -> str:
    r"""Return a text as YAML reads it back: plain where that is safe, else in double quotes.

    >>> yaml_scalar("lead"), yaml_scalar("Book a demo"), yaml_scalar("12"), yaml_scalar("no")
    ('lead', '"Book a demo"', '"12"', '"no"')
    """
    letters = text.replace("_", "a").replace("-", "a").replace(".", "a")
    is_plain = letters.isalnum() and letters.isascii() and text[:1].isalpha()
    return text if is_plain and text.casefold() not in _WORDS_WITH_A_MEANING else _quoted_text(text)


def flow_text(value: YamlValue) -> str:
    """Return a value on one line, in YAML's flow style.

    >>> flow_text({"handover": {"days": 90.0, "forms": ["demo", "contact us"]}})
    '{handover: {days: 90, forms: [demo, "contact us"]}}'
    >>> flow_text([True, None])
    '[yes, ~]'
    """
    if value is None:
        return "~"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return yaml_scalar(value)
    if isinstance(value, float | int):
        return f"{value:g}"
    if isinstance(value, Mapping):
        entries = (f"{yaml_scalar(key)}: {flow_text(entry)}" for key, entry in value.items())
        return f"{{{', '.join(entries)}}}"
    return f"[{', '.join(flow_text(entry) for entry in value)}]"


def _quoted_text(text: str) -> str:
    """Return a text in double quotes; YAML accepts only printable characters unescaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(
        character if character.isprintable() else f"\\U{ord(character):08x}" for character in quoted
    )
