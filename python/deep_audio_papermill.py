"""Lets papermill put parameters into notebooks of the TypeScript kernel.

papermill writes parameters as code and knows no TypeScript. It finds this module by itself where this folder is on
PYTHONPATH, as an engine's entry point; else import it before `papermill.execute_notebook`, or run it in the place of papermill:

    python node_modules/deep-audio-dataset/python/deep_audio_papermill.py in.ipynb out.ipynb -p epochs 3
"""

import json
import math
import re

from papermill.engines import NBClientEngine
from papermill.exceptions import PapermillException
from papermill.models import Parameter
from papermill.translators import Translator, papermill_translators

NAME = re.compile(r"(?!\d)[\w$]+")
RESERVED = set(
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends false "
    "finally for function if implements import in instanceof interface let new null package private protected public "
    "return static super switch this throw true try typeof undefined var void while with yield".split()
)
DECLARED = re.compile(r"(?:let|const|var)\s+([\w$]+)\s*(?::\s*([^=]+?))?\s*=\s*(.+?)\s*;?\s*(?://\s*(.*))?")


class TypeScriptTranslator(Translator):
    """Parameters as TypeScript: a variable for each, whose type is that of its value."""

    @classmethod
    def translate_str(cls, val):
        return json.dumps(val)

    # Dates of YAML and whatever else is no JSON: as text.
    @classmethod
    def translate_escaped_str(cls, str_val):
        return json.dumps(str(str_val))

    @classmethod
    def translate_none(cls, val):
        return "null"

    @classmethod
    def translate_float(cls, val):
        if math.isnan(val):
            return "Number.NaN"
        if math.isinf(val):
            return "Number.POSITIVE_INFINITY" if val > 0 else "Number.NEGATIVE_INFINITY"
        return repr(val)

    @classmethod
    def translate_list(cls, val):
        return f"[{', '.join(map(cls.translate, val))}]"

    @classmethod
    def translate_dict(cls, val):
        # In brackets, "__proto__" is a key as any other.
        keys = [json.dumps(str(key)) for key in val]
        keys = [f"[{key}]" if key == '"__proto__"' else key for key in keys]
        return f"{{ {', '.join(f'{key}: {cls.translate(item)}' for key, item in zip(keys, val.values()))} }}" if val else "{}"

    @classmethod
    def comment(cls, cmt_str):
        return "\n".join(f"// {line}".rstrip() for line in cmt_str.splitlines())

    @classmethod
    def assign(cls, name, str_val):
        if not NAME.fullmatch(name) or name in RESERVED:
            raise PapermillException(
                f"parameter {name!r}: no name of a variable, expected letters, digits, _ and $; "
                "pass an object whose keys may be anything"
            )
        return f"let {name} = {str_val};"

    @classmethod
    def inspect(cls, parameters_cell):
        found = [DECLARED.fullmatch(line.strip()) for line in parameters_cell["source"].splitlines()]
        return [
            Parameter(name=name, inferred_type_name=kind or "None", default=value, help=words or "")
            for name, kind, value, words in (match.groups() for match in found if match)
        ]


for language in ("typescript", "tslab"):
    papermill_translators.register(language, TypeScriptTranslator)

# What the entry point names: papermill's own way of running notebooks.
Engine = NBClientEngine

if __name__ == "__main__":
    from papermill.cli import papermill

    papermill()
