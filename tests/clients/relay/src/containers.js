// A pagination container for every connection, and a refetch container for every type behind `node`.
import { graphql } from 'relay-runtime';

export const allTasks = graphql`
  fragment containers_allTasks on Query
  @argumentDefinitions(filter: { type: "TaskFilter" }, count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" })
  @refetchable(queryName: "containersAllTasksPaginationQuery") {
    tasks(filter: $filter, first: $count, after: $cursor) @connection(key: "containers_tasks", filters: ["filter"]) {
      totalCount
      failures { backend code retryable }
      edges { node { id status ...containers_task } }
    }
  }
`;

export const tasksOfRequest = graphql`
  fragment containers_tasksOfRequest on AnnotationRequest
  @argumentDefinitions(filter: { type: "AnnotationRequestTaskFilter" }, count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" })
  @refetchable(queryName: "containersTasksOfRequestPaginationQuery") {
    tasks(filter: $filter, first: $count, after: $cursor) @connection(key: "containersOfRequest_tasks", filters: ["filter"]) {
      edges { node { id status } }
    }
  }
`;

export const allBatches = graphql`
  fragment containers_allBatches on Query
  @argumentDefinitions(project: { type: "String" }, count: { type: "Int", defaultValue: 50 }, cursor: { type: "String" })
  @refetchable(queryName: "containersAllBatchesPaginationQuery") {
    batches(project: $project, first: $count, after: $cursor) @connection(key: "containers_batches", filters: ["project"]) {
      edges { node { name status statusCounts { status count } } }
    }
  }
`;

export const task = graphql`
  fragment containers_task on Task @refetchable(queryName: "containersTaskRefetchQuery") {
    status
    createdAt
    counterparts { id status }
    history { at action }
    annotationRequest { id ...containers_annotationRequest }
  }
`;

export const annotationRequest = graphql`
  fragment containers_annotationRequest on AnnotationRequest @refetchable(queryName: "containersRequestRefetchQuery") {
    name
    completedPercent
    statusCounts { status count }
  }
`;

export const campaign = graphql`
  fragment containers_campaign on Campaign @refetchable(queryName: "containersCampaignRefetchQuery") {
    name
    manualAnnotationFrames
  }
`;
