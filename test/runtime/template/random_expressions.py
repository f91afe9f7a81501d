"""Makes up templates from a seed and compares them in both engines: usage: random_expressions.py LIBLATHE COUNT SEED"""

import random
import sys
import warnings

import engines

VARIABLES = {
    "text": "Hello World, hello",
    "words": ["pear", "Apple", "fig", "apple"],
    "empty": "",
    "accents": "Ünïcödé ß 東京 😀",
    "lines": " a\n  b\r\n\nc ",
    "number": 7,
    "negative": -3,
    "real": 2.5,
    "yes": True,
    "nothing": None,
    "numbers": [3, 1, 2, 2],
    "mixed": [1, "1", None, True, 2.0, [], {}],
    "person": {"name": "Ann", "age": 5, "tags": ["x", "y"], "items": 3},
    "people": [{"name": "bob", "age": 3}, {"name": "Al", "age": 1}, {"age": 2}],
    "nested": {"a": {"b": {"c": [1, {"d": "e"}]}}},
}
LITERALS = ["0", "1", "-1", "2", "10", "1.5", "0.0", "true", "false", "none", "''", "'a'", "'l'", "' '", "'ö'", "[]", "{}", "()"]
FILTERS = """abs capitalize count d default('x') default('x',true) dictsort e first float int items join join('-') last
length list lower max min reverse round safe select sort string sum title tojson tojson(indent=1) trim unique upper
indent indent(2,true) replace('l','L') map('string') map('upper') map(attribute='name') select('string')
reject('none') selectattr('name') selectattr('age','gt',1) rejectattr('name','defined') batch(2) slice(2) sort(reverse=true)
sort(attribute='age') dictsort(by='value') round(1) round(1,'floor') int(3) truncate(5) center(9) trim('H') unique(true)
groupby('age') attr('upper') sum(attribute='age') join(attribute='name') forceescape format(1)""".split()
TESTS = """defined undefined none true false boolean integer float number string mapping sequence iterable callable even odd
lower upper escaped divisibleby(2) eq(1) ne(1) in([1,'a']) gt(1) lt(1) sameas(none) filter test""".split()
METHODS = """strip() lstrip('H') upper() title() split() split('l') split(',',1) rsplit('l',1) startswith('H') endswith('o')
replace('l','1') find('l') rfind('l') count('l') capitalize() splitlines() partition('o') get('name') get('zz',1) items()
keys() values() index(2) count(2) swapcase() isdigit() islower() zfill(5) center(4,'*') join(['a','b']) name nope age items
removeprefix('He')""".split()
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in", "not in"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(choices)

    def atom(self):
        return self.pick(LITERALS if self.random.random() < 0.4 else [*VARIABLES, "missing"])

    def expression(self, depth):
        if depth == 0:
            return self.atom()
        inner = lambda: self.expression(self.random.randrange(depth))
        kind = self.random.randrange(16)
        if kind < 3:
            return f"{inner()} | {self.pick(FILTERS)}"
        if kind < 5:
            return f"({inner()} | {self.pick(FILTERS)})"
        if kind == 5:
            return f"({inner()} is {self.pick(['', 'not '])}{self.pick(TESTS)})"
        if kind == 6:
            return f"({inner()}).{self.pick(METHODS)}"
        if kind == 7:
            return f"{self.pick(list(VARIABLES))}.{self.pick(METHODS)}"
        if kind < 11:
            return f"({inner()} {self.pick(BINARY)} {inner()})"
        if kind == 11:
            return f"({inner()} if {inner()} else {inner()})"
        if kind == 12:
            if self.random.random() < 0.5:
                return f"({inner()})[{self.pick(['0', '-1', '9', repr('name'), repr('upper')])}]"
            # Slices of constants alone follow other rules in jinja2, which computes them while compiling.
            return f"{self.pick(list(VARIABLES))}[{self.pick(['1:', ':2', '::-1', '1:3', ':-1:2', '-2:'])}]"
        if kind == 13:
            return f"[{inner()}, {inner()}]"
        if kind == 14:
            return f"{{'k': {inner()}, 'j': {inner()}}}"
        return f"not {inner()}" if self.random.random() < 0.5 else f"(-{self.atom()})"

    def space(self):
        return self.pick(["", "", " ", "\n", "\n  ", "  \n", "x", "\n\n", "\t"])

    def tag(self, text):
        return f"{self.space()}{{%{self.pick(['', '', '-', '+'])} {text} {self.pick(['', '', '-', '+'])}%}}{self.space()}"

    def block(self, depth):
        kind = self.random.randrange(8) if depth else 0
        if kind < 2:
            return f"{self.space()}{{{{{self.pick(['', '-'])} {self.expression(2)} {self.pick(['', '-'])}}}}}{self.space()}"
        body = self.block(depth - 1) + self.block(depth - 1)
        if kind == 2:
            return self.tag(f"if {self.expression(2)}") + body + self.tag("else") + self.block(depth - 1) + self.tag("endif")
        if kind == 3:
            condition = f" if {self.expression(1)}" if self.random.random() < 0.3 else ""
            loop = f"{{{{ loop.{self.pick(['index', 'last', 'first', 'length', 'revindex0', 'previtem', 'nextitem'])} }}}}"
            leave = self.tag(f"if {self.expression(1)}") + self.tag(self.pick(["break", "continue"])) + self.tag("endif")
            middle = leave if self.random.random() < 0.3 else loop
            return self.tag(f"for item in {self.expression(1)}{condition}") + "{{ item }}" + middle + body + self.tag("endfor")
        if kind == 4:
            return self.tag(f"set number = {self.expression(2)}") + body
        if kind == 5:
            return self.tag(f"set block{depth}") + body + self.tag("endset") + f"{{{{ block{depth} }}}}"
        if kind == 6:
            return self.tag("macro m(a, b=number)") + body + "{{ a }}{{ b }}" + self.tag("endmacro") + f"{{{{ m({self.expression(1)}) }}}}"
        return self.tag(f"filter {self.pick(['upper', 'trim', 'indent', 'title', 'e'])}") + body + self.tag("endfilter")


warnings.simplefilter("ignore")  # of Python about the code that jinja2 makes
both = engines.Lathe(sys.argv[1]), engines.Jinja(optimized=False)
count, seed = int(sys.argv[2]), int(sys.argv[3])
with engines.counting("random templates") as cases:
    for number in range(count):
        generator = Generator(seed * 1_000_003 + number)
        template = "{{ " + generator.expression(3) + " }}" if number % 3 else generator.block(3)
        cases.append(engines.differs(both, template, variables=VARIABLES))
