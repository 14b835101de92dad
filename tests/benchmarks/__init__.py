"""What tests/bench measures: one module a kind, each with `measure(quick) -> Result`."""
