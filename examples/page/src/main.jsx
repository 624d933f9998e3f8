import { ApolloProvider, useMutation } from "@apollo/client/react";
import { createRoot } from "react-dom/client";

import { client } from "./client.js";
import { useLiveList } from "./live.js";
import { CANCEL } from "./operations.js";
import "./page.css";

// Of the demo: one annotation request of Rosetta, then Scale's newest tasks. Put your own here.
const WANTED = { filter: { annotationRequestIdIn: ["urban-driving-2025-week-12"] }, first: 31 };

function Page() {
  const { tasks, failures, error, isLive } = useLiveList(WANTED);
  return (
    <>
      <h1>Tasks</h1>
      <p role="status">{isLive ? "live" : "polling"}</p>
      {error && <p role="alert">{error.message}</p>}
      {failures.map((failure) => (
        <p role="alert" key={failure.backend}>
          Not all of {failure.backend}: {failure.message}
        </p>
      ))}
      <table>
        <thead>
          <tr>
            <th>Vendor</th>
            <th>Task</th>
            <th>Status</th>
            <th>In the vendor's words</th>
            <th></th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <Row key={task.id} task={task} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Row({ task }) {
  return (
    <tr className={task.isStale ? "stale" : undefined}>
      <td>{task.backend}</td>
      <td>{task.sceneId ?? task.scaleTaskId}</td>
      <td>{task.status}</td>
      <td>{task.backendStatus?.label}</td>
      <td>{task.allowedActions.includes("CANCEL") && <Cancel task={task} />}</td>
    </tr>
  );
}

function Cancel({ task }) {
  // A refusal is data: it stands in `errors` of the payload, and the promise is not rejected for it.
  const [cancel, { data, loading, error }] = useMutation(CANCEL, { variables: { id: task.id }, errorPolicy: "all" });
  const refusal = error?.message ?? data?.cancelTask?.errors[0]?.message;
  return (
    <>
      <button disabled={loading} onClick={() => cancel()}>
        Cancel
      </button>{" "}
      {refusal}
    </>
  );
}

createRoot(document.getElementById("page")).render(
  <ApolloProvider client={client}>
    <Page />
  </ApolloProvider>,
);
