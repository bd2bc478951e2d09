"""Build the response schemas from the services' values, one module for each group of operations."""
