#!/usr/bin/env bash
# The main operations with nothing but curl: ./tasks.sh [http://127.0.0.1:8000/graphql]
#
# Prints a title and an answer for each. Ends with curl's exit code when a request is refused as a whole: the header
# Accept below makes that an HTTP status of 400 and above. What fails inside an answer is data, and no failure here.
set -euo pipefail

url=${1:-http://127.0.0.1:8000/graphql}
headers=(-H 'Content-Type: application/json')
if [ -n "${GATEWAY_TOKEN:-}" ]; then headers+=(-H "Authorization: Bearer $GATEWAY_TOKEN"); fi

# ask TITLE BODY [CURL OPTION...]
ask() {
    printf '== %s\n' "$1"
    curl --silent --show-error --fail-with-body "${headers[@]}" -H 'Accept: application/graphql-response+json' "${@:3}" \
        --data "$2" "$url"
    printf '\n'
}

ask 'one task of Scale' '{
  "query": "query One($by: TaskBy!) { task(by: $by) { id status backendStatus { value label } allowedActions } }",
  "variables": {"by": {"scaleTaskId": "5ca1ab1e0000000000000002"}}
}'

ask 'one task of Rosetta' '{
  "query": "query One($by: TaskBy!) { task(by: $by) { id status backendStatus { value label pool } viewUrl } }",
  "variables": {"by": {"rosetta": {
    "campaignId": "urban-driving-2025",
    "annotationRequestId": "urban-driving-2025-week-12",
    "sceneId": "scene-0001"
  }}}
}'

ask 'many tasks, each with its own outcome' '{
  "query": "query Many($by: [TaskBy!]!) { lookupTasks(by: $by) { __typename ... on Task { status } ... on TaskError { code message retryable } } }",
  "variables": {"by": [
    {"scaleTaskId": "5ca1ab1e0000000000000002"},
    {"scaleUniqueId": "demo/completed 1.png"},
    {"scaleTaskId": "nobody-knows-this-one"},
    {"scaleTaskId": "not an id"}
  ]}
}'

ask 'one list over both vendors, with what failed' '{
  "query": "query List($filter: TaskFilter!) { tasks(filter: $filter, first: 8) { nodes { backend status } failures { backend code retryable retryAfterSeconds } pageInfo { hasNextPage endCursor } } }",
  "variables": {"filter": {
    "annotationRequestIdIn": ["urban-driving-2025-week-12", "urban-driving-2025-outage"],
    "statusIn": ["DELIVERY_FAILED", "FAILED", "CANCELED"]
  }}
}'

# No stale answer, whatever it costs.
ask 'progress of an annotation request, read anew' '{
  "query": "query Progress($id: ID!) { annotationRequest(annotationRequestId: $id) { name importState completedPercent statusCounts { status count } } }",
  "variables": {"id": "urban-driving-2025-week-12"}
}' -H 'Cache-Control: no-cache'

ask 'a change, and a typed reason where there is none' '{
  "query": "mutation Cancel($by: TaskBy!) { cancelTask(input: {task: $by}) { task { status } errors { __typename code message } } }",
  "variables": {"by": {"scaleTaskId": "5ca1ab1e0000000000000002"}}
}'

# Server-sent events go on until somebody hangs up: here after the first, which tells how the task stands.
printf '== what changes, as it changes\n'
exec 3< <(
    curl --silent --show-error --fail --no-buffer --max-time 60 "${headers[@]}" -H 'Accept: text/event-stream' --data '{
      "query": "subscription Changes($by: [TaskBy!]!) { taskChanged(by: $by) { previousStatus task { status } error { code } } }",
      "variables": {"by": [{"scaleTaskId": "5ca1ab1e0000000000000005"}]}
    }' "$url"
)
listener=$!
told=
while [ -z "$told" ] && read -r line <&3; do
    case $line in data:*) told=${line#data: } ;; esac
done
exec 3<&-
kill "$listener" 2>/dev/null || true
[ -n "$told" ] || { echo "the event stream ended before it told anything" >&2; exit 1; }
printf '%s\n' "$told"
