"""Plans: a validated operation compiled once into Python that answers it; graphql-core judges what is irregular.

A plan covers queries without introspection, `@defer` and unknown directives. It answers as graphql-core would, or
not at all: a value that is not exactly of its type, an exception, a class that stands for no type end the attempt,
and graphql-core runs the operation, with what the resolvers came to so far (`gateway.execution.judge`).
"""

from gateway.execution.plan.bindings import Bound
from gateway.execution.plan.calls import Outcomes
from gateway.execution.plan.compiling import Plan, Planned, Plans
from gateway.execution.plan.fragments import Fragments
from gateway.execution.plan.irregular import IrregularError

__all__ = ["Bound", "Fragments", "IrregularError", "Outcomes", "Plan", "Planned", "Plans"]
