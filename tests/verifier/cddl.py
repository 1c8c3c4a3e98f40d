"""Reads entry.cddl and holds entries against it: as much of RFC 8610 as that file uses.

A rule becomes a function of an item. It raises Wrong where type or form are others, and Unknown where a member or a
word is one that this version does not have (entry.md part 5).
"""
import pathlib
import re

from .basics import Unknown, Wrong, need

PATH = pathlib.Path(__file__).resolve().parents[2] / "docs" / "spec" / "entry.cddl"
TOKEN = re.compile(r'\s*(?:;[^\n]*\n\s*)*("[^"]*"|\.?[a-z][a-z0-9_-]*|[0-9]+|=>|[=/{}\[\]():,?*+])')
PRIMITIVE = {"uint": lambda it: type(it) is int and 0 <= it < 2**64, "bytes": lambda it: type(it) is bytes,
             "tstr": lambda it: type(it) is str, "true": lambda it: it is True}


class Cddl:
    """The rules of one file, by name."""

    def __init__(self, text):
        text = re.sub(r"\s+$", "", re.sub(r";[^\n]*", "", text))
        self.tokens, at = [], 0
        while at < len(text):
            found = TOKEN.match(text, at)
            need(found, f"cannot read the CDDL at {text[at:at + 30]!r}")
            self.tokens.append(found[1])
            at = found.end()
        self.at, self.rules = 0, {}
        while self.at < len(self.tokens):
            name = self.take()
            self.expect("=")
            self.rules[name] = self.members(")") if self.accept("(") else self.choice()
            if isinstance(self.rules[name], list):
                self.expect(")")

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, token):
        if self.peek() == token:
            return self.take()
        return None

    def expect(self, token):
        need(self.take() == token, f"the CDDL lacks {token}")

    def choice(self):
        options = [self.type()]
        while self.accept("/"):
            options.append(self.type())
        return options[0] if len(options) == 1 else ("choice", options)

    def type(self):
        if self.accept("{"):
            inside = self.members("}")
            self.expect("}")
            return "map", inside
        if self.accept("["):
            self.expect("+")
            inside = self.choice()
            self.expect("]")
            return "array", inside
        token = self.take()
        if token[0] == '"':
            return "word", token[1:-1]
        if token.isdigit():
            return "number", int(token)
        if self.peek() in (".size", ".regexp"):
            control, argument = self.take(), self.take()
            return control[1:], token, argument.strip('"')
        return "name", token

    def members(self, end):
        found = []
        while self.peek() != end:
            optional = bool(self.accept("?"))
            name = self.take().strip('"')
            need(self.take() in (":", "=>"), "the CDDL lacks a colon")
            found.append((name, optional, self.choice()))
            self.accept(",")
        return found

    # What an item must be.

    def check(self, rule, item, where):
        sort, *of = rule
        if sort == "name" and of[0] in PRIMITIVE:
            need(PRIMITIVE[of[0]](item), f"not the type or form of {where}")
        elif sort == "name":
            self.check(self.rules[of[0]], item, where)
        elif sort == "size":
            need(type(item) is bytes and len(item) == int(of[1]), f"not the type or form of {where}")
        elif sort == "regexp":
            need(type(item) is str and re.fullmatch(of[1], item), f"not the type or form of {where}")
        elif sort == "number":
            need(type(item) is int, f"not the type or form of {where}")
            if item != of[0]:
                raise Unknown(where)
        elif sort in ("choice", "word"):
            self.one_of(of[0] if sort == "choice" else [rule], item, where)
        elif sort == "array":
            need(isinstance(item, list) and item, f"not the type or form of {where}")
            for each in item:
                self.check(of[0], each, where)
        else:
            need(isinstance(item, dict) and item, f"not the type or form of {where}")
            self.map(of[0], item)

    def one_of(self, options, item, where):
        words = [option[1] for option in options if option[0] == "word"]
        if item in words and type(item) is str:
            return
        for option in options:
            if option[0] != "word":
                try:
                    return self.check(option, item, where)
                except Wrong:
                    pass
        need(type(item) is str and words, f"not the type or form of {where}")
        raise Unknown(where)

    def map(self, rules, item):
        """Form before version: a member of a wrong form makes the entry bad whatever else it has."""
        unknown = [name for name in item if name not in {rule[0] for rule in rules}]
        for name, optional, rule in rules:
            need(optional or name in item, f"there is no {name}")
            if name in item:
                try:
                    self.check(rule, item[name], name)
                except Unknown as cause:
                    unknown.append(str(cause))
        if unknown:
            raise Unknown(unknown[0])

    def entry(self, kind, item):
        rule = self.rules.get(kind.replace(".", "-"))
        if not rule or rule[1][0] != ("kind", False, ("word", kind)):
            raise Unknown(f"kind {kind}")
        self.map([*self.rules["common"], *rule[1]], item)


ENTRIES = Cddl(PATH.read_text(encoding="utf-8"))
