"""Values and tools that know neither Flask nor SQL."""
