"""What a program does about each code it can meet. Decisions only: no network here."""

from enum import Enum

from gateway_client.enums import ErrorCode


class Reaction(Enum):
    """Who can act."""

    FIX = "our own fault: change the input or the program, never repeat it"
    DROP = "there is nothing to do for this task"
    LOOK = "read the task as it stands now, then decide"
    WAIT = "the same request may succeed later: wait, then repeat it"
    OPERATOR = "tell the gateway's operator, quoting the request id"


# Inside the answer's data: one for every value of the enum, so that a new one is noticed when the client is made anew.
OF_DATA = {
    ErrorCode.BAD_USER_INPUT: Reaction.FIX,
    ErrorCode.NOT_FOUND: Reaction.DROP,
    ErrorCode.CONFLICT: Reaction.LOOK,
    ErrorCode.NOT_SUPPORTED: Reaction.DROP,
    ErrorCode.NOT_ALLOWED_NOW: Reaction.LOOK,
    ErrorCode.FORBIDDEN: Reaction.OPERATOR,
    ErrorCode.BACKEND_NOT_CONFIGURED: Reaction.OPERATOR,
    ErrorCode.BACKEND_UNAVAILABLE: Reaction.WAIT,
    ErrorCode.BACKEND_TIMEOUT: Reaction.WAIT,
    ErrorCode.BACKEND_RATE_LIMITED: Reaction.WAIT,
    ErrorCode.BACKEND_REFUSED: Reaction.OPERATOR,
    ErrorCode.BACKEND_BAD_RESPONSE: Reaction.OPERATOR,
    # The write may have happened: repeating it blindly could do it twice.
    ErrorCode.OUTCOME_UNKNOWN: Reaction.LOOK,
    ErrorCode.INTERNAL: Reaction.OPERATOR,
}

# In `errors`, where the request as a whole, or one field of it, was not answered.
OF_ERRORS = {
    "UNAUTHENTICATED": Reaction.OPERATOR,
    "RATE_LIMITED": Reaction.WAIT,
    "OVERLOADED": Reaction.WAIT,
    "REQUEST_TIMEOUT": Reaction.WAIT,
    "TOO_COMPLEX": Reaction.FIX,
    "GRAPHQL_PARSE_FAILED": Reaction.FIX,
    "GRAPHQL_VALIDATION_FAILED": Reaction.FIX,
    "OPERATION_RESOLUTION_FAILURE": Reaction.FIX,
    # The gateway's manifest lacks this service's operations: deploy the manifest first, then the service.
    "PERSISTED_QUERY_NOT_FOUND": Reaction.OPERATOR,
    "PERSISTED_QUERY_NOT_SUPPORTED": Reaction.OPERATOR,
    "INTERNAL_SERVER_ERROR": Reaction.OPERATOR,
}


def reaction(code: str) -> Reaction:
    """What to do about a code; one that is newer than this client is somebody else's to look at."""
    try:
        return OF_DATA[ErrorCode(code)]
    except ValueError:
        return OF_ERRORS.get(code, Reaction.OPERATOR)
