// What a program does about each code it can meet. Decisions only: no network here.
import type { ErrorCode } from "./gateway_client/graphql.js";

export type Reaction =
  | "FIX" // our own fault: change the input or the program, never repeat it
  | "DROP" // there is nothing to do for this task
  | "LOOK" // read the task as it stands now, then decide
  | "WAIT" // the same request may succeed later: wait, then repeat it
  | "OPERATOR"; // tell the gateway's operator, quoting the request id

// Inside the answer's data: the type asks for every value of the enum, so that a new one is noticed when compiling.
const OF_DATA: Record<ErrorCode, Reaction> = {
  BAD_USER_INPUT: "FIX",
  NOT_FOUND: "DROP",
  CONFLICT: "LOOK",
  NOT_SUPPORTED: "DROP",
  NOT_ALLOWED_NOW: "LOOK",
  FORBIDDEN: "OPERATOR",
  BACKEND_NOT_CONFIGURED: "OPERATOR",
  BACKEND_UNAVAILABLE: "WAIT",
  BACKEND_TIMEOUT: "WAIT",
  BACKEND_RATE_LIMITED: "WAIT",
  BACKEND_REFUSED: "OPERATOR",
  BACKEND_BAD_RESPONSE: "OPERATOR",
  // The write may have happened: repeating it blindly could do it twice.
  OUTCOME_UNKNOWN: "LOOK",
  INTERNAL: "OPERATOR",
};

// In `errors`, where the request as a whole, or one field of it, was not answered.
const OF_ERRORS: Record<string, Reaction> = {
  UNAUTHENTICATED: "OPERATOR",
  RATE_LIMITED: "WAIT",
  OVERLOADED: "WAIT",
  REQUEST_TIMEOUT: "WAIT",
  TOO_COMPLEX: "FIX",
  GRAPHQL_PARSE_FAILED: "FIX",
  GRAPHQL_VALIDATION_FAILED: "FIX",
  OPERATION_RESOLUTION_FAILURE: "FIX",
  // The gateway's manifest lacks this service's operations: deploy the manifest first, then the service.
  PERSISTED_QUERY_NOT_FOUND: "OPERATOR",
  PERSISTED_QUERY_NOT_SUPPORTED: "OPERATOR",
  INTERNAL_SERVER_ERROR: "OPERATOR",
};

/** What to do about a code; one that is newer than this client is somebody else's to look at. */
export function reaction(code: string): Reaction {
  return OF_DATA[code as ErrorCode] ?? OF_ERRORS[code] ?? "OPERATOR";
}
