import { gql } from "@apollo/client";

// What a row shows. The list, the subscription and the mutation all bring it, and the `id` under which it is kept.
const ROW = gql`
  fragment Row on Task {
    id
    backend
    sceneId
    scaleTaskId
    status
    backendStatus {
      value
      label
    }
    allowedActions
    isStale
  }
`;

export const LIST = gql`
  query List($filter: TaskFilter!, $first: Int!) {
    tasks(filter: $filter, first: $first) {
      nodes {
        ...Row
      }
      failures {
        backend
        message
        retryAfterSeconds
      }
    }
  }
  ${ROW}
`;

export const CHANGES = gql`
  subscription Changes($by: [TaskBy!]!) {
    taskChanged(by: $by) {
      index
      task {
        ...Row
      }
      error {
        code
        message
      }
    }
  }
  ${ROW}
`;

export const CANCEL = gql`
  mutation Cancel($id: ID!) {
    cancelTask(input: { task: { id: $id } }) {
      task {
        ...Row
      }
      errors {
        code
        message
      }
    }
  }
  ${ROW}
`;
