"""The shoppers' pages: one blueprint for each domain."""
