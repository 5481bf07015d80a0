"""STIX patterns (STIX 2.1, section 9) into trees of comparisons, in time linear in their length.

More forgiving than the standard where producers are: a backslash that escapes nothing stands for
itself, and a property with a hyphen needs no quotes. Nothing here says what a comparison means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

#: Longest pattern that is read, in characters; the longest in published feeds have some 100,000.
MAX_PATTERN_CHARS = 2_000_000
#: Deepest nesting of brackets. Producers nest three deep; the parser calls itself per level.
MAX_DEPTH = 50
#: Operators of section 9.3 with their other spellings in the published grammar.
_EQUAL = frozenset({"=", "=="})
_ORDER = frozenset({"!=", "<>", ">", "<", ">=", "<="})
_WORDS = frozenset({"IN", "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"})
_LITERALS = frozenset({"string", "number", "special"})

#: Every repetition is possessive, so an unfinished literal fails at once.
_TOKEN = re.compile(
    r"""(?s)
      (?P<space>(?:\s|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)++)
    | (?P<special>(?:[tbh])'(?:[^'\\]|\\.)*+')
    | (?P<string>'(?:[^'\\]|\\.)*+')
    | (?P<number>[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?![\w]))
    | (?P<word>[A-Za-z_][\w-]*+)
    | (?P<mark>==|!=|<>|>=|<=|[=<>:.,()\[\]*])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(['\\])")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One test of one property."""

    object: str
    """Type of the object, such as 'file'."""
    path: tuple[str, ...]
    """Properties from the object on; list indices are left out."""
    operator: str
    """'=', 'IN', 'LIKE', … or 'EXISTS'; '=' for '=='."""
    values: tuple[str, ...]
    """Literals as text, one but for IN; empty for EXISTS."""
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Junction:
    """Tests joined by AND or OR."""

    operator: str
    parts: tuple[Node, ...]


Node = Comparison | Junction


class PatternError(ValueError):
    """The text is no STIX pattern; says where and what was expected."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise PatternError(f"character {at + 1}: {text[at : at + 20]!r} is not understood")
        kind = found.lastgroup or ""
        if kind != "space":
            yield _Token(kind, found[0], at)
        at = found.end()
    yield _Token("end", "", at)


def _string(text: str) -> str:
    return _ESCAPE.sub(r"\1", text[1:-1])


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = next(self._tokens)
        self._depth = 0
        self.observations: list[Node] = []

    def _take(self) -> _Token:
        taken = self._next
        if taken.kind != "end":
            self._next = next(self._tokens)
        return taken

    def _at(self, *texts: str) -> bool:
        return self._next.kind in ("mark", "word") and self._next.text in texts

    def _accept(self, text: str) -> bool:
        if self._at(text):
            self._take()
            return True
        return False

    def _fail(self, wanted: str) -> PatternError:
        shown = repr(self._next.text[:20]) if self._next.text else "the end"
        return PatternError(f"character {self._next.at + 1}: {wanted} expected, found {shown}")

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._fail(repr(text))

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise PatternError(f"brackets nested deeper than {MAX_DEPTH}")

    def pattern(self) -> None:
        """The whole text: observation expressions, which all count alike."""
        self._observation_expressions()
        if self._next.kind != "end":
            raise self._fail("AND, OR, FOLLOWEDBY or a qualifier")

    def _observation_expressions(self) -> None:
        while True:
            if self._accept("("):
                self._deeper()
                self._observation_expressions()
                self._expect(")")
                self._depth -= 1
            elif self._accept("["):
                self.observations.append(self._either())
                self._expect("]")
            else:
                raise self._fail("'[' or '('")
            self._qualifiers()
            if not self._at("AND", "OR", "FOLLOWEDBY"):
                return
            self._take()

    def _qualifiers(self) -> None:
        while self._at("START", "WITHIN", "REPEATS"):
            word = self._take().text
            if word == "START":
                self._literal("special", "string")
                self._expect("STOP")
                self._literal("special", "string")
            else:
                self._literal("number")
                self._expect("SECONDS" if word == "WITHIN" else "TIMES")

    def _either(self) -> Node:
        parts = [self._both()]
        while self._accept("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Junction("OR", tuple(parts))

    def _both(self) -> Node:
        parts = [self._test(negated=False)]
        while self._accept("AND"):
            parts.append(self._test(negated=False))
        return parts[0] if len(parts) == 1 else Junction("AND", tuple(parts))

    def _test(self, *, negated: bool) -> Node:
        # The grammar knows NOT only before an operator and EXISTS; before a bracket it is meant.
        while self._accept("NOT"):
            negated = not negated
        if self._accept("("):
            self._deeper()
            inner = self._either()
            self._expect(")")
            self._depth -= 1
            return _negative(inner) if negated else inner
        if self._at("EXISTS"):
            self._take()
            return Comparison(*self._path(), "EXISTS", (), negated)
        name, path = self._path()
        while self._accept("NOT"):
            negated = not negated
        token = self._take()
        if token.kind == "mark" and token.text in _EQUAL | _ORDER:
            values: tuple[str, ...] = (self._literal(*_LITERALS, "word"),)
            return Comparison(
                name, path, "=" if token.text in _EQUAL else token.text, values, negated
            )
        if token.kind == "word" and token.text in _WORDS:
            if token.text == "IN":
                return Comparison(name, path, "IN", self._set(), negated)
            return Comparison(name, path, token.text, (self._literal("string"),), negated)
        raise PatternError(
            f"character {token.at + 1}: an operator expected, found {token.text[:20]!r}"
        )

    def _set(self) -> tuple[str, ...]:
        self._expect("(")
        values = []
        while not self._at(")"):
            values.append(self._literal(*_LITERALS, "word"))
            if not self._accept(","):
                break
        self._expect(")")
        return tuple(values)

    def _literal(self, *kinds: str) -> str:
        token = self._next
        truth = token.kind == "word" and token.text.lower() in ("true", "false")
        if token.kind not in kinds or (token.kind == "word" and not truth):
            raise self._fail("a literal")
        self._take()
        if token.kind == "string":
            return _string(token.text)
        return _string(token.text[1:]) if token.kind == "special" else token.text

    def _path(self) -> tuple[str, tuple[str, ...]]:
        if self._next.kind != "word":
            raise self._fail("an object path such as file:name")
        name = self._take().text
        self._expect(":")
        steps = [self._step()]
        while True:
            if self._accept("."):
                steps.append(self._step())
            elif self._accept("["):
                if not self._accept("*"):
                    self._literal("number")
                self._expect("]")
            else:
                return name, tuple(steps)

    def _step(self) -> str:
        if self._next.kind == "string":
            return _string(self._take().text)
        if self._next.kind != "word":
            raise self._fail("a property")
        return self._take().text


def _negative(node: Node) -> Node:
    """The node with every test negated; what it then means does not matter, it gives no value."""
    if isinstance(node, Comparison):
        return Comparison(node.object, node.path, node.operator, node.values, True)
    return Junction(node.operator, tuple(_negative(part) for part in node.parts))


def parse_pattern(text: str) -> tuple[Node, ...]:
    """The tests of each observation expression of a pattern, in its order.

    Raises:
        PatternError: if the text is no pattern, too long, or nested too deeply.
    """
    if len(text) > MAX_PATTERN_CHARS:
        raise PatternError(f"longer than {MAX_PATTERN_CHARS} characters")
    parser = _Parser(text)
    parser.pattern()
    return tuple(parser.observations)


def comparisons(nodes: tuple[Node, ...]) -> Iterator[Comparison]:
    """All comparisons of a pattern, in its order."""
    waiting: list[Node] = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        if isinstance(node, Comparison):
            yield node
        else:
            waiting.extend(reversed(node.parts))
