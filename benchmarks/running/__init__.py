"""The gateway as processes under load and under trouble: what it does, as tables. `python -m benchmarks.running`."""
