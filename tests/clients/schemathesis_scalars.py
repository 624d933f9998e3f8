"""What Schemathesis needs to know of our scalars to generate any operation that takes one."""

import schemathesis
from hypothesis import strategies
from hypothesis_graphql import nodes

schemathesis.graphql.scalar("DateTime", strategies.just("2026-03-01T12:00:00Z").map(nodes.String))
schemathesis.graphql.scalar("URL", strategies.just("https://files.example.com/a.png").map(nodes.String))
schemathesis.graphql.scalar("JSON", strategies.integers(0, 9).map(nodes.Int))
