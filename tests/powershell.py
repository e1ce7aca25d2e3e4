"""A stand-in for PowerShell, which is not to be had on every machine that runs the tests.

It reads scripts by the language's own grammar, and runs the little that the documents use, as Windows PowerShell 5.1
and PowerShell 7 both do it. What the two do differently, and what it does not know, is an error.
"""

import codecs
import csv
import fnmatch
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import tree_sitter
import tree_sitter_powershell

_PARSER: Final = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
_CHAIN: Final = {
    *("program", "statement_list", "pipeline", "pipeline_chain", "unary_expression", "array_literal_expression"),
    *("logical_expression", "bitwise_expression", "comparison_expression", "additive_expression"),
    *("multiplicative_expression", "format_expression", "range_expression", "string_literal", "integer_literal"),
    *("left_assignment_expression", "key_expression", "member_name", "script_block", "script_block_body"),
    *("path_command_name", "expandable_here_string_literal"),
}
"""Nodes that mean nothing by themselves while they have a single child."""

_LITERALS: Final[dict[str, Callable[[str], Any]]] = {
    "verbatim_string_characters": lambda source: source[1:-1].replace("''", "'"),
    "verbatim_here_string_characters": lambda source: source[2:-2].strip("\r\n"),
    "decimal_integer_literal": int,
}
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "-eq": lambda left, right: _folded(left) == _folded(right),
    "-ne": lambda left, right: _folded(left) != _folded(right),
    "-lt": lambda left, right: left < right,
    "-le": lambda left, right: left <= right,
    "-gt": lambda left, right: left > right,
    "-ge": lambda left, right: left >= right,
    "-like": lambda left, right: fnmatch.fnmatch(_text(left).lower(), right.lower()),
    "-notlike": lambda left, right: not fnmatch.fnmatch(_text(left).lower(), right.lower()),
}
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_BOMS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16"}


class NotUnderstood(Exception):
    """The script is wrong, means different things in 5.1 and 7, or is beyond what the stand-in knows."""


@dataclass(frozen=True)
class WebCall:
    """A call of ``Invoke-RestMethod`` or ``Invoke-WebRequest``, which goes nowhere.

    :ivar headers: those that are given, and those that the session has kept.
    :ivar body: what ``-Body`` or ``-InFile`` gives.
    :ivar in_session: whether it opens a session, or belongs to one.
    """

    method: str
    uri: str
    headers: Mapping[str, str]
    body: Any
    content_type: str
    in_session: bool = False


@dataclass(frozen=True)
class WebAnswer:
    """What a service answers.

    :ivar headers: those that a page reads.
    """

    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


Web = Callable[[WebCall], WebAnswer]
"""What answers the calls."""


@dataclass
class Outcome:
    """How a script ended.

    :ivar output: what it showed: the output of programs, and the values of statements, a line each.
    :ivar errors: what programs wrote to stderr.
    :ivar exit_code: that of ``exit``, or 0: PowerShell goes on when a program fails.
    :ivar failed: the programs that failed while the script never asked for ``$LASTEXITCODE``.
    """

    output: str
    errors: str
    exit_code: int
    failed: list[str] = field(default_factory=list)


def run_powershell(script: str, folder: Path, environment: Mapping[str, str], web: Web | None = None) -> Outcome:
    """Run *script*.

    The real PowerShell that the variable ``QSJWT_PWSH`` names runs it, unless it calls a service.

    :param environment: the variables, among them ``PATH``.
    :raises NotUnderstood: if the stand-in does not know what it means.
    """
    real = os.environ.get("QSJWT_PWSH")
    if real and web is None:
        preamble = "$ErrorActionPreference = 'Stop'; $PSNativeCommandUseErrorActionPreference = $false\n"
        command = [real, "-NoProfile", "-NonInteractive", "-Command", preamble + script]
        done = subprocess.run(command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False)
        return Outcome(done.stdout, done.stderr, done.returncode)
    shell = _Shell(folder, dict(environment), web)
    try:
        shell.run(script)
        shell.forget_failure()
    except _Exit as end:
        shell.outcome.exit_code = end.code
    return shell.outcome


def require_syntax(script: str) -> None:
    """Return if *script* keeps to the grammar of the language.

    :raises NotUnderstood: if it does not.
    """
    _parse(script)


class _Exit(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class _Opaque:
    """Something that is handed on and never looked into, such as a certificate."""

    what: str


@dataclass(frozen=True)
class _Session:
    """A session of the web, which keeps the headers of each call for the next; its cookies are the test's."""

    headers: dict[str, str] = field(default_factory=dict)


def _parse(script: str) -> tree_sitter.Node:
    # Without a line end, the grammar takes the blanks at the end of a command for an argument.
    tree = _PARSER.parse(script.encode("utf-8") + b"\n")
    if tree.root_node.has_error:
        wrong = next((node for node in _walk(tree.root_node) if node.type == "ERROR" or node.is_missing), None)
        line = wrong.start_point[0] + 1 if wrong else 0
        raise NotUnderstood(f"line {line}: {_source(wrong) if wrong else 'it'} is not PowerShell")
    return tree.root_node


def _walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _source(node: tree_sitter.Node) -> str:
    return (node.text or b"").decode("utf-8")


def _inner(node: tree_sitter.Node) -> tree_sitter.Node:
    """Return what *node* is about, below those that only wrap it."""
    while node.type in _CHAIN and len(parts := _parts(node)) == 1 and not _operators(node):
        node = parts[0]
    return node


def _parts(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return [child for child in node.named_children if child.type not in ("comment", "command_argument_sep")]


def _operators(node: tree_sitter.Node) -> list[str]:
    return [child.type for child in node.children if not child.is_named and child.type.strip(";\n")]


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _text(value: Any) -> str:
    """Return *value* as it becomes part of a string: a list is joined with blanks."""
    match value:
        case None:
            return ""
        case bool():
            return str(value)
        case list():
            return " ".join(map(_text, value))
        case str() | int() | float():
            return str(value)
    raise NotUnderstood(f"a value of the type {type(value).__name__} in a string")


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []


def _value(values: list[Any]) -> Any:
    """Return what a variable gets from a pipeline: nothing, the one value, or all of them."""
    return None if not values else values[0] if len(values) == 1 else values


def _each(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


class _Shell:
    """One run of a script.

    :ivar outcome: what has become of it so far.
    """

    def __init__(self, folder: Path, environment: dict[str, str], web: Web | None) -> None:
        self.outcome = Outcome("", "", 0)
        self._folder = folder
        self._environment = environment
        self._web = web
        self._variables: dict[str, Any] = {"pwd": str(folder), "true": True, "false": False, "null": None}
        self._failure = ""

    def run(self, script: str) -> None:
        """Run the statements one after the other, and show what they give."""
        for statement in self._statements(_parse(script)):
            for value in self._statement(statement):
                self.outcome.output += f"{_shown(value)}\n"

    def forget_failure(self) -> None:
        """Take the program that failed, if there is one, for one that nobody asked about."""
        if self._failure:
            self.outcome.failed.append(self._failure)
            self._failure = ""

    def _statements(self, node: tree_sitter.Node) -> list[tree_sitter.Node]:
        node = _inner(node)
        return _parts(node) if node.type in ("program", "statement_list", "statement_block") else [node]

    def _statement(self, node: tree_sitter.Node) -> list[Any]:
        """Return the values that *node* gives to the pipeline."""
        node = _inner(node)
        match node.type:
            case "program" | "statement_list" | "statement_block" | "script_block_body":
                return [value for part in _parts(node) for value in self._statement(part)]
            case "assignment_expression":
                self._assign(node)
                return []
            case "if_statement":
                return self._choose(node)
            case "flow_control_statement":
                if not _source(node).lower().startswith("exit"):
                    raise NotUnderstood(_source(node))
                raise _Exit(int(self._expression(_parts(node)[0])) if _parts(node) else 0)
            case "pipeline_chain" | "command" | "command_name":
                return self._pipe(_parts(node) if node.type == "pipeline_chain" else [node])
            case "empty_statement":
                return []
        return _each(self._expression(node))

    def _assign(self, node: tree_sitter.Node) -> None:
        target, operator, source = _parts(node)
        if _source(operator) != "=":
            raise NotUnderstood(f"the operator {_source(operator)}")
        value = _value(self._statement(source))
        name = _source(_inner(target)).removeprefix("$")
        if name.lower().startswith("env:"):
            self._environment[name[4:]] = _text(value)
        elif name.lower() == "null":
            return
        elif re.fullmatch(r"[A-Za-z_]\w*", name):
            self._variables[name.lower()] = value
        else:
            raise NotUnderstood(f"an assignment to {_source(target)}")

    def _choose(self, node: tree_sitter.Node) -> list[Any]:
        condition, block, *otherwise = _parts(node)
        if self._expression(condition):
            return self._statement(block)
        for clause in otherwise:
            if clause.type != "else_clause":
                raise NotUnderstood(_source(clause))
            return self._statement(_parts(clause)[0])
        return []

    def _pipe(self, parts: list[tree_sitter.Node]) -> list[Any]:
        values: list[Any] | None = None
        for part in map(_inner, parts):
            if part.type == "command":
                values = self._command(part, values)
            elif part.type == "command_name":
                values = self._call(_source(part), [], values)
            elif part.type == "redirections" and values is not None:
                values = self._redirected(_parts(part), values)
            elif values is None:
                values = _each(self._expression(part))
            else:
                raise NotUnderstood(f"{_source(part)} in a pipeline")
        return values or []

    def _command(self, node: tree_sitter.Node, values: list[Any] | None) -> list[Any]:
        name, *rest = _parts(node)
        elements = [
            element for part in rest for element in (_parts(part) if part.type == "command_elements" else [part])
        ]
        if any(child.type == "command_argument_sep" and _source(child) == ":" for child in _walk(node)):
            raise NotUnderstood(f"{_source(node)}: an option and its value with a colon between; put it in quotes")
        arguments = [element for element in elements if element.type != "redirection"]
        given = self._call(_source(name), arguments, values)
        redirections = elements[len(arguments) :]
        return self._redirected(redirections, given) if redirections else given

    def _redirected(self, redirections: list[tree_sitter.Node], values: list[Any]) -> list[Any]:
        if len(redirections) > 1:
            raise NotUnderstood("more than one redirection")
        operator, target = _parts(redirections[0])
        if _source(operator) != ">":
            raise NotUnderstood(f"the redirection {_source(operator)}")
        self._write(self.argument(_parts(target)[-1]), values, "unicode")
        return []

    def _call(self, name: str, arguments: list[tree_sitter.Node], values: list[Any] | None) -> list[Any]:
        own = getattr(self, f"_do_{name.lower().replace('-', '_')}", None)
        if own is not None:
            result: list[Any] = own(_Given(self, name, arguments), values)
            return result
        if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name):
            raise NotUnderstood(f"the command {name}")
        return self._run_program(name, [word for part in arguments for word in self._native(part)], values)

    def _native(self, node: tree_sitter.Node) -> list[str]:
        """Return the arguments that a program gets for one word; several, if it is an array."""
        node = _inner(node)
        if node.type == "command_parameter" and re.search(r"[.:]", _source(node)):
            raise NotUnderstood(f"{_source(node)}: PowerShell splits it there, so put it in quotes")
        words = [_text(word) for word in _each(self.argument(node))]
        for word in words:
            if '"' in word:
                raise NotUnderstood(f"{word!r}: up to 7.2, PowerShell loses the double quotes within an argument")
            if not word or (" " in word and word.endswith("\\")):
                raise NotUnderstood(f"{word!r}: Windows PowerShell does not hand this over as one argument")
        return words

    def _run_program(self, name: str, arguments: list[str], values: list[Any] | None) -> list[Any]:
        self.forget_failure()
        program = shutil.which(name, path=self._environment.get("PATH"))
        if program is None:
            raise NotUnderstood(f"there is no program {name}")
        # Windows PowerShell hands on ASCII, and ends each line as Windows does.
        stdin = "".join(f"{_text(value)}\r\n" for value in values or []).encode("ascii", "replace")
        how: dict[str, Any] = {"cwd": self._folder, "env": self._environment, "capture_output": True}
        done = subprocess.run([program, *arguments], input=stdin, check=False, **how)
        self.outcome.errors += done.stderr.decode("utf-8")
        self._variables["lastexitcode"] = done.returncode
        if done.returncode:
            self._failure = f"{' '.join([name, *arguments])}: {done.returncode}"
        return list(_lines(done.stdout.decode("utf-8")))

    def argument(self, node: tree_sitter.Node) -> Any:
        """Return what a word behind a command is."""
        node = _inner(node)
        if node.type in ("generic_token", "command_parameter"):
            word = _source(node)
            if re.search(r"[$`'\"{}()<>|&;,]|^[@#]", word):
                raise NotUnderstood(f"{word}: put it in quotes")
            return word
        return self._expression(node)

    def _expression(self, node: tree_sitter.Node) -> Any:
        node = _inner(node)
        if node.type in _LITERALS:
            return _LITERALS[node.type](_source(node))
        # As ast.NodeVisitor does it: a method for each type of node.
        visit = getattr(self, f"_visit_{node.type}", None)
        if visit is None:
            raise NotUnderstood(f"{node.type}: {_source(node)}")
        return visit(node)

    def _visit_expandable_string_literal(self, node: tree_sitter.Node) -> str:
        return self._expanded(node)

    def _visit_variable(self, node: tree_sitter.Node) -> Any:
        return self._variable(_source(node))

    def _visit_array_literal_expression(self, node: tree_sitter.Node) -> list[Any]:
        return [self._expression(part) for part in _parts(node)]

    def _visit_parenthesized_expression(self, node: tree_sitter.Node) -> Any:
        return _value(self._statement(_parts(node)[0]))

    _visit_sub_expression = _visit_parenthesized_expression

    def _visit_hash_literal_expression(self, node: tree_sitter.Node) -> Any:
        return self._table(node)

    def _visit_member_access(self, node: tree_sitter.Node) -> Any:
        thing, name = _parts(node)
        return _member(self._expression(thing), _source(_inner(name)))

    def _visit_element_access(self, node: tree_sitter.Node) -> Any:
        thing, index = map(self._expression, _parts(node))
        return _member(thing, index) if isinstance(thing, dict) else _each(thing)[index]

    def _visit_comparison_expression(self, node: tree_sitter.Node) -> Any:
        left, operator, right = _parts(node)
        compare = _COMPARISONS.get(_source(operator).lower())
        if compare is None:
            raise NotUnderstood(f"the operator {_source(operator)}")
        return compare(self._expression(left), self._expression(right))

    def _visit_pipeline_chain(self, node: tree_sitter.Node) -> Any:
        return _value(self._statement(node))

    _visit_command = _visit_pipeline_chain

    def _visit_invokation_expression(self, node: tree_sitter.Node) -> Any:
        """Return what a method gives; the one that is known removes a header from a session."""
        thing, method, arguments = _parts(node)
        table = self._expression(thing)
        if not isinstance(table, dict) or _source(method).lower() != "remove":
            raise NotUnderstood(_source(node))
        (argument,) = [part for part in _walk(arguments) if part.type == "string_literal"]
        return table.pop(_text(self._expression(argument)), None) is not None

    def _variable(self, source: str) -> Any:
        name = re.sub(r"^\$\{?(.*?)\}?$", r"\1", source)
        if name.lower().startswith("env:"):
            return self._environment.get(name[4:])
        if name.lower() == "lastexitcode":
            self._failure = ""
        if name.lower() not in self._variables:
            raise NotUnderstood(f"the variable {source} is not set")
        return self._variables[name.lower()]

    def _expanded(self, node: tree_sitter.Node) -> str:
        """Return a string in double quotes with its variables put in."""
        start, found, text = node.start_byte, node.text or b"", ""
        position = 1
        for part in node.named_children:
            text += _unescaped(found[position : part.start_byte - start].decode("utf-8"))
            text += _text(self._expression(part))
            position = part.end_byte - start
        return text + _unescaped(found[position:-1].decode("utf-8"))

    def _table(self, node: tree_sitter.Node) -> dict[str, Any]:
        entries = [entry for part in _walk(node) if part.type == "hash_entry" for entry in [_parts(part)]]
        return {self._key(name): _value(self._statement(value)) for name, value in entries}

    def _key(self, node: tree_sitter.Node) -> str:
        node = _inner(node)
        return _source(node) if node.type == "simple_name" else _text(self._expression(node))

    def _for_each(self, block: tree_sitter.Node, values: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
        body = next((part for part in _walk(block) if part.type == "script_block_body"), None)
        if body is None:
            raise NotUnderstood(_source(block))
        for value in values:
            self._variables["_"] = value
            yield value, self._statement(body)

    # The commands of PowerShell itself, by their names: what they get, and the values that the pipe brings.

    def _do_foreach_object(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        return [result for _, results in self._for_each(given.block(), values or []) for result in results]

    def _do_where_object(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        return [value for value, results in self._for_each(given.block(), values or []) if _value(results)]

    def _do_convertfrom_json(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        given.require(0)
        lines = [_text(value) for value in values or []]
        try:
            json.loads(lines[0])
        except ValueError:
            return [json.loads("\n".join(lines))]
        return [json.loads(line) for line in lines]

    def _do_get_content(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        text = self._read(given.take("encoding"), given.require(1, "raw")[0])
        return [text] if given.switch("raw") else list(_lines(text))

    def _do_import_csv(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        return list(csv.DictReader(io.StringIO(self._read(given.take("encoding"), given.require(1)[0]))))

    def _do_set_content(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        encoding = given.take("encoding") or "ansi"
        self._write(given.require(1)[0], values or [], encoding)
        return []

    def _do_out_file(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        encoding = given.take("encoding") or "unicode"
        self._write(given.require(1)[0], values or [], encoding)
        return []

    def _do_out_string(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        given.require(0)
        return ["".join(f"{_text(value)}\r\n" for value in values or [])]

    def _do_invoke_expression(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        """Read it, and do no more."""
        given.require(0)
        require_syntax(_text(_value(values or [])))
        return []

    def _do_remove_item(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        (name,) = given.require(1)
        if not name.lower().startswith("env:"):
            raise NotUnderstood(f"Remove-Item {name}")
        self._environment.pop(name[4:], None)
        return []

    def _do_mkdir(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        (self._folder / given.require(1)[0]).mkdir(parents=True)
        return []

    def _do_set_location(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        self._folder = self._folder / given.require(1)[0]
        self._variables["pwd"] = str(self._folder)
        return []

    _do_cd = _do_set_location

    def _do_get_pfxcertificate(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        return [_Opaque(given.require(1)[0])]

    def _do_invoke_restmethod(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        answer = self._ask(given)
        return [json.loads(answer.text)] if answer.text else []

    def _do_invoke_webrequest(self, given: "_Given", values: list[Any] | None) -> list[Any]:
        if not given.switch("usebasicparsing"):
            raise NotUnderstood("Windows PowerShell asks Internet Explorer otherwise; say -UseBasicParsing")
        answer = self._ask(given)
        # 7 has a list for each header, 5.1 a text; in a string they are the same.
        return [{"Content": answer.text, "Headers": {name: [value] for name, value in answer.headers.items()}}]

    def _ask(self, given: "_Given") -> WebAnswer:
        body, file = given.take("body"), given.take("infile")
        if file is not None:
            body = (self._folder / file).read_text(encoding="utf-8")
        certificate, session, opened = map(given.take, ("certificate", "websession", "sessionvariable"))
        if not isinstance(certificate, _Opaque | None) or not isinstance(session, _Session | None):
            raise NotUnderstood("what is given as a certificate or a session is none")
        if opened:
            session = self._variables[opened.lower()] = _Session()
        headers = given.take("headers") or {}
        if session:
            session.headers.update(headers)
            headers = dict(session.headers)
        method, content_type = given.take("method") or "Get", given.take("contenttype") or ""
        call = WebCall(method, given.take("uri"), headers, body, content_type, session is not None)
        given.require(0)
        if self._web is None:
            raise NotUnderstood("nobody answers a call of the web here")
        return self._web(call)

    def _read(self, encoding: str | None, name: str) -> str:
        data = (self._folder / name).read_bytes()
        known = next((codec for bom, codec in _BOMS.items() if data.startswith(bom)), None)
        if known is None and not data.isascii() and (encoding or "").lower() != "utf8":
            raise NotUnderstood(f"{name}: Windows PowerShell reads it in the code page of Windows; say -Encoding UTF8")
        return data.decode(known or "utf-8")

    def _write(self, name: str, values: list[Any], encoding: str) -> None:
        text = "".join(f"{line}\r\n" for value in values for line in _lines(_text(value)) or [""])
        match encoding.lower():
            case "ansi" if not text.isascii():
                raise NotUnderstood("Windows PowerShell writes it in the code page of Windows; say -Encoding UTF8")
            case "ansi" | "ascii":
                data = text.encode("ascii")
            case "utf8":
                data = text.encode("utf-8-sig")  # so Windows PowerShell; 7 leaves the mark out
            case "unicode":
                data = codecs.BOM_UTF16_LE + text.encode("utf-16-le")  # so Windows PowerShell; 7 writes UTF-8
            case _:
                raise NotUnderstood(f"the encoding {encoding}")
        (self._folder / name).write_bytes(data)


_SWITCHES: Final = ("raw", "usebasicparsing")


class _Given:
    """What a command of PowerShell's own was given; each thing has to be taken."""

    def __init__(self, shell: _Shell, name: str, arguments: list[tree_sitter.Node]) -> None:
        self._name = name
        self._options: dict[str, Any] = {}
        self._rest: list[tree_sitter.Node] = []
        self._shell = shell
        nodes = iter(map(_inner, arguments))
        for node in nodes:
            if node.type != "command_parameter":
                self._rest.append(node)
                continue
            option = _source(node)[1:].lower()
            self._options[option] = True if option in _SWITCHES else shell.argument(next(nodes))

    def take(self, option: str) -> Any:
        """Return the value of *option*, or None."""
        return self._options.pop(option, None)

    def switch(self, option: str) -> bool:
        """Return whether *option* was given."""
        return bool(self.take(option))

    def block(self) -> tree_sitter.Node:
        """Return the one argument that is a script block."""
        (block,) = self._rest
        return block

    def require(self, count: int, *switches: str) -> list[str]:
        """Return the *count* arguments that are left; any other option is one too many."""
        if len(self._rest) != count or set(self._options) - set(switches):
            raise NotUnderstood(f"what is given to {self._name}")
        return [_text(self._shell.argument(node)) for node in self._rest]


def _unescaped(text: str) -> str:
    if "$" in text.replace("`$", ""):
        raise NotUnderstood(f"a bare $ in {text!r}")
    return re.sub(
        r"`(.)|\"\"", lambda match: _ESCAPES.get(match[1], match[1]) if match[1] else '"', text, flags=re.DOTALL
    )


def _member(thing: Any, name: str) -> Any:
    """Return the member *name*: of a list, that of each of its members."""
    match thing:
        case list():
            return [_member(one, name) for one in thing]
        case dict():
            return next((value for key, value in thing.items() if key.lower() == name.lower()), None)
        case _Session() if name.lower() == "headers":
            return thing.headers
    raise NotUnderstood(f"the member {name} of something that has none")


def _shown(value: Any) -> str:
    match value:
        case dict():
            return json.dumps(value)
        case _Opaque() | _Session():
            return ""
    return _text(value)
