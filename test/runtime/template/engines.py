"""The two engines that are compared: the runtime's, through its C API, and jinja2 as the transformers library sets it up.

Each has render(template, messages, tools, add_generation_prompt, variables) -> (text, None) or (None, message).
"""

import contextlib
import ctypes
import datetime
import json

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = datetime.datetime(2024, 7, 6, 15, 4, 5)


class Options(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("messages", ctypes.c_char_p),
        ("tools", ctypes.c_char_p),
        ("variables", ctypes.c_char_p),
        ("no_generation_prompt", ctypes.c_int32),
        ("utc_offset", ctypes.c_int32),
        ("time", ctypes.c_int64),
        ("max_steps", ctypes.c_uint64),
        ("max_bytes", ctypes.c_uint64),
    ]


class Lathe:
    def __init__(self, library):
        self.library = ctypes.CDLL(library)
        for name in ("lathe_template_create", "lathe_template_render"):
            getattr(self.library, name).restype = ctypes.c_void_p
        self.library.lathe_status_message.restype = ctypes.c_char_p

    def message(self, status):
        text = self.library.lathe_status_message(ctypes.c_void_p(status)).decode()
        self.library.lathe_status_release(ctypes.c_void_p(status))
        return text

    def render(self, template, messages=(), tools=None, add_generation_prompt=True, variables=None):
        handle, text, size = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_size_t()
        source = template.encode()
        status = self.library.lathe_template_create(source, ctypes.c_size_t(len(source)), ctypes.byref(handle))
        if status:
            return None, self.message(status)
        options = Options(
            ctypes.sizeof(Options),
            json.dumps(list(messages), ensure_ascii=False).encode(),
            json.dumps(tools).encode() if tools is not None else None,
            json.dumps(variables or {}, ensure_ascii=False).encode(),
            not add_generation_prompt,
            0,
            int(NOW.replace(tzinfo=datetime.timezone.utc).timestamp()),
        )
        status = self.library.lathe_template_render(handle, ctypes.byref(options), ctypes.byref(text), ctypes.byref(size))
        self.library.lathe_template_release(handle)
        if status:
            return None, self.message(status)
        result = ctypes.string_at(text, size.value).decode()
        self.library.lathe_text_release(text)
        return result, None


class GenerationTag(jinja2.ext.Extension):
    """{% generation %}: marks what the model says, and prints it."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("call_body")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    @staticmethod
    def call_body(caller):
        return caller()


class Jinja:
    def __init__(self, optimized=True):
        """Without `optimized` nothing is computed while compiling, which follows other rules in some errors."""

        def raise_exception(message):
            raise jinja2.exceptions.TemplateError(message)

        def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
            return json.dumps(
                value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
            )

        self.environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=optimized,
            extensions=[GenerationTag, jinja2.ext.loopcontrols],
        )
        self.environment.filters["tojson"] = tojson
        self.environment.globals["raise_exception"] = raise_exception
        self.environment.globals["strftime_now"] = NOW.strftime

    def render(self, template, messages=(), tools=None, add_generation_prompt=True, variables=None):
        given = dict(messages=list(messages), tools=tools, documents=None, add_generation_prompt=add_generation_prompt)
        try:
            text = self.environment.from_string(template).render(**{**given, **(variables or {})})
            text.encode()
            return text, None
        except Exception as error:  # whatever a template does wrong in Python
            return None, f"{type(error).__name__}: {error}"


def differs(engines, template, *arguments, **named):
    """What the engines disagree about, or None. Where both refuse, their words are their own."""
    (ours, error), (theirs, reason) = (engine.render(template, *arguments, **named) for engine in engines)
    # Python prints addresses or more of what is no data, and Jinja holds integers of any size.
    no_data = theirs and (" at 0x" in theirs.lower() or "<bound method" in theirs)
    if ours == theirs or no_data or "64 bits" in (error or ""):
        return None
    return f"template {template!r}\n  lathe  {ours!r} {error or ''}\n  jinja2 {theirs!r} {reason or ''}"


@contextlib.contextmanager
def counting(what):
    """Collects differences, prints them and how many cases there were, and fails if there are any."""
    cases = []
    yield cases
    found = [case for case in cases if case]
    print(*found[:40], sep="\n")
    print(f"{what}: {len(cases)} cases, {len(found)} differ")
    if found or not cases:
        raise SystemExit(1)
