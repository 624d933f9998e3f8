"""Export: a whole filtered list of tasks, streamed, to be gone on with where it was interrupted."""
