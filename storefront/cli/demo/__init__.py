"""Demo data: a small catalogue, and generated products for tests of scale."""
