"""What a plan says when it cannot answer: not covered at all, or not this time."""


class NotCoveredError(Exception):
    """The operation has something that plans leave to graphql-core."""


class IrregularError(Exception):
    """A value broke a rule, or a resolver failed: graphql-core says what that means for the answer."""
