"""Documents of the mutations, as the tests send them."""

ERRORS = """errors {
  __typename code message retryable
  ... on BadInputError { path }
  ... on ActionNotSupportedError { backend action }
  ... on ActionNotAllowedError { action task { status } }
  ... on UniqueIdConflictError { uniqueId conflictingTask { scaleTaskId } }
  ... on IdempotencyConflictError { idempotencyKey }
  ... on BackendError { backend retryAfterSeconds requestId }
}"""
TASK = "task { scaleTaskId status tags metadata uniqueId reviewStatus project batch allowedActions }"


def mutation(field: str) -> str:
    """A document that calls `field` with the variable `input`."""
    name = field[0].upper() + field[1:]
    created = "created" if field == "createMultistageTask" else ""
    body = f"{TASK} {created} {ERRORS}"
    if field in ("cancelTasks", "addTagsToTasks", "removeTagsFromTasks", "setMetadataOfTasks"):
        body = f"results {{ {body} }}"
    return f"mutation($input: {name}Input!) {{ {field}(input: $input) {{ {body} }} }}"
