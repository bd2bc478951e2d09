"""Values become the shapes of `schemas`, one module a family."""
