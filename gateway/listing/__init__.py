"""One list over both backends: where a page begins, what fills it, and where the next one does."""
