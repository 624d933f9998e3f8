"""From a document to an answer."""
