"""Rendering: Python code, made once per operation, that turns objects at hand into what orjson writes.

Every value is checked against its type as graphql-core would check it, but only as right or irregular: what is not
exactly of the expected class is left to graphql-core, which may coerce it or make an error of it.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, TypeAlias

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from gateway.execution.plan.calls import Call, Run
from gateway.execution.plan.fields import object_class, resolved_field
from gateway.execution.plan.fragments import Fragments
from gateway.execution.plan.irregular import IrregularError, NotCoveredError
from gateway.execution.plan.selections import SelectedField, Selections

# A value and the run, to what orjson writes. Raises any exception where graphql-core has to decide.
Render: TypeAlias = Callable[[Any, Run], Any]

_TEXTS = (GraphQLString, GraphQLID)


class Renderers:
    """Makes the functions of one operation, and keeps the calls that they make."""

    def __init__(self, selections: Selections, fragments: Fragments) -> None:
        self._selections = selections
        self._fragments = fragments
        self.calls: list[Call] = []

    def waits(self, type_: GraphQLOutputType, parent: SelectedField) -> bool:
        """Whether anything below this value has a resolver that waits."""
        return any(self.field_waits(field) for field in self._all_below(type_, parent))

    def field_waits(self, selected: SelectedField) -> bool:
        """Whether the field, or anything below it, has a resolver that waits."""
        if selected.field is None:
            return False
        return resolved_field(selected.field).waits or self.waits(selected.field.type, selected)

    def value(self, type_: GraphQLOutputType, parent: SelectedField) -> Render:
        """Renders a value of the type, selected as `parent` says."""
        code = _Code()
        self._complete(code, type_, parent)
        return code.function()

    def object(self, type_: GraphQLObjectType, fields: list[SelectedField], *, checked: bool = True) -> Render:
        """Renders an object by its fields, none of which waits."""
        code = _Code()
        if checked:
            code.check(f"v.__class__ is not {code.name(object_class(type_))}")
        names = []
        code.line("o = v")
        for number, selected in enumerate(fields):
            if selected.field is None:
                names.append((selected.name, repr(type_.name)))
                continue
            code.line(f"v = {self._source(code, type_, selected)}")
            self._complete(code, selected.field.type, selected)
            code.line(f"v{number} = v")
            names.append((selected.name, f"v{number}"))
        code.line("v = {" + ", ".join(f"{name!r}: {value}" for name, value in names) + "}")
        return code.function()

    def call(self, type_: GraphQLObjectType, selected: SelectedField) -> Call:
        """The field's resolver, made callable."""
        assert selected.field is not None
        call = Call(resolved_field(selected.field), selected, type_, self._selections)
        self.calls.append(call)
        return call

    def by_class(self, type_: GraphQLOutputType, make: Callable[[GraphQLObjectType], Any]) -> dict[type, Any]:
        """What `make` makes of each object type that a value of the composite type may have, by its class."""
        possible = self._possible(type_)
        return {object_class(one): make(one) for one in possible}

    def below(self, type_: GraphQLObjectType, parent: SelectedField) -> list[SelectedField]:
        """The fields that an object of the type shows."""
        return self._selections.below(type_, parent)

    def _possible(self, type_: Any) -> Sequence[GraphQLObjectType]:
        return self._selections.schema.get_possible_types(type_) if is_abstract_type(type_) else (type_,)

    def _all_below(self, type_: GraphQLOutputType, parent: SelectedField) -> list[SelectedField]:
        named: Any = type_
        while is_non_null_type(named) or is_list_type(named):
            named = named.of_type
        if is_leaf_type(named):
            return []
        possible = self._possible(named)
        return [field for one in possible for field in self._selections.below(one, parent)]

    def _source(self, code: "_Code", type_: GraphQLObjectType, selected: SelectedField) -> str:
        assert selected.field is not None
        resolved = resolved_field(selected.field)
        if resolved.waits:
            raise NotCoveredError("a field that waits where nothing can wait")
        if resolved.function is None:
            if not resolved.attribute.isidentifier():
                raise NotCoveredError("an attribute that is no name")
            return f"o.{resolved.attribute}"
        if not selected.field.args and resolved.info_name is None and not resolved.checks and resolved.takes_source:
            return f"{code.name(resolved.function)}(o)"
        return f"{code.name(self.call(type_, selected))}(o, run)"

    def _complete(self, code: "_Code", type_: GraphQLOutputType, parent: SelectedField) -> None:
        """Code that makes `v` what orjson writes for it."""
        if is_non_null_type(type_):
            inner: GraphQLOutputType = type_.of_type
            self._complete_value(code, inner, parent, may_be_null=False)
        else:
            self._complete_value(code, type_, parent, may_be_null=True)

    def _complete_value(
        self, code: "_Code", type_: GraphQLOutputType, parent: SelectedField, *, may_be_null: bool
    ) -> None:
        if may_be_null:
            code.line("if v is not None:")
            code.indent += 1
        if is_list_type(type_):
            self._complete_list(code, type_, parent)
        elif is_leaf_type(type_):
            _complete_leaf(code, type_)
        else:
            code.line(f"v = {code.name(self._composite(type_, parent))}(v, run)")
        if may_be_null:
            code.indent -= 1

    def _complete_list(self, code: "_Code", type_: GraphQLList[Any], parent: SelectedField) -> None:
        code.check("v.__class__ is not list and v.__class__ is not tuple")
        item = type_.of_type
        inner = item.of_type if is_non_null_type(item) else item
        is_composite = not is_leaf_type(inner) and not is_list_type(inner)
        if is_composite and is_non_null_type(item):
            code.line(f"v = [{self._item(code, inner, parent)} for v in v]")
        else:
            code.line(f"v = [{code.name(self.value(item, parent))}(v, run) for v in v]")

    def _item(self, code: "_Code", type_: GraphQLOutputType, parent: SelectedField) -> str:
        """What renders the item `v` of a list; one that is rendered already is looked up without a call."""
        table = self._renders(type_, parent)
        call = f"{code.name(_by_class(table))}(v, run)"
        kept = [(class_, render.selection) for class_, render in table.items() if isinstance(render, _Kept)]
        if len(kept) != 1:
            return call
        ((class_, selection),) = kept
        rendered = f"v.__class__ is {code.name(class_)} and (v.rendered or {code.name({})}).get({selection})"
        return f"({rendered}) or {call}"

    def _composite(self, type_: GraphQLOutputType, parent: SelectedField) -> Render:
        return _by_class(self._renders(type_, parent))

    def _renders(self, type_: GraphQLOutputType, parent: SelectedField) -> dict[type, Render]:
        def make(one: GraphQLObjectType) -> Render:
            render = self.object(one, self.below(one, parent), checked=False)
            return self._kept(one, parent, render)

        return self.by_class(type_, make)

    def _kept(self, type_: GraphQLObjectType, parent: SelectedField, render: Render) -> Render:
        """`render`, or the same from what was rendered before, where the type's objects keep that."""
        if not self._fragments.are_kept_by(object_class(type_)) or not self._depends_on_object(type_, parent):
            return render
        return _Kept(*self._fragments.keeping(render))

    def _depends_on_object(self, type_: GraphQLObjectType, parent: SelectedField) -> bool:
        """Whether the rendered object depends on nothing but the object: no arguments, no look at the Context."""
        for selected in self.below(type_, parent):
            if selected.field is None:
                continue
            resolved = resolved_field(selected.field)
            if selected.field.args or resolved.info_name is not None or resolved.checks:
                return False
            named: Any = selected.field.type
            while is_non_null_type(named) or is_list_type(named):
                named = named.of_type
            if is_leaf_type(named):
                continue
            possible = self._possible(named)
            if not all(self._depends_on_object(one, selected) for one in possible):
                return False
        return True


class _Kept:
    """Renders what fragments are kept of, under the number of the selection."""

    def __init__(self, render: Render, selection: int) -> None:
        self.render = render
        self.selection = selection

    def __call__(self, value: Any, run: Run) -> Any:
        return self.render(value, run)


def _by_class(table: dict[type, Render]) -> Render:
    """Renders objects of these classes, each as its class is."""
    table = {class_: render.render if isinstance(render, _Kept) else render for class_, render in table.items()}
    if len(table) == 1:
        ((class_, render),) = table.items()

        def one_class(value: Any, run: Run) -> Any:
            if value.__class__ is not class_:
                raise IrregularError
            return render(value, run)

        return one_class

    def one_of_several(value: Any, run: Run) -> Any:
        return table[value.__class__](value, run)

    return one_of_several


def _complete_leaf(code: "_Code", type_: GraphQLLeafType) -> None:
    if type_ in _TEXTS:
        code.check("v.__class__ is not str")
    elif type_ is GraphQLBoolean:
        code.check("v.__class__ is not bool")
    elif type_ is GraphQLInt:
        code.check("v.__class__ is not int or not -2147483648 <= v <= 2147483647")
    elif type_ is GraphQLFloat:
        # NaN and the infinities fail the comparison.
        code.check("v.__class__ is not float or not -1.8e308 < v < 1.8e308")
    elif isinstance(type_, CustomGraphQLEnumType) and _is_named_alike(type_):
        code.check(f"v.__class__ is not {code.name(type_.wrapped_cls)}")
        code.line("v = v._name_")
    else:
        code.line(f"v = {code.name(type_.coerce_output_value)}(v)")
        code.check("v is None")


def _is_named_alike(type_: CustomGraphQLEnumType) -> bool:
    members: Iterable[Enum] = type_.wrapped_cls
    return all(type_.coerce_output_value(member) == member.name for member in members)


class _Code:
    """The lines of one function of `v` and `run`."""

    def __init__(self) -> None:
        self.indent = 1
        self._lines: list[str] = []
        self._names: dict[str, Any] = {"Irregular": IrregularError}

    def line(self, text: str) -> None:
        self._lines.append("    " * self.indent + text)

    def check(self, wrong: str) -> None:
        self.line(f"if {wrong}: raise Irregular")

    def name(self, value: object) -> str:
        """A name for the value; what a client wrote never becomes code but through `repr`."""
        name = f"n{len(self._names)}"
        self._names[name] = value
        return name

    def function(self) -> Render:
        source = "\n".join(["def render(v, run):", *self._lines, "    return v"])
        exec(compile(source, "<plan>", "exec"), self._names)  # noqa: S102  only names and reprs of checked text
        made: Render = self._names["render"]
        return made
