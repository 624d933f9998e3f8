"""One folder per backend; nothing outside a folder names its backend's fields."""
