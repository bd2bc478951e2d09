"""The JSON API: the paths of the old gateway, over the services that the pages use. It holds no rules.

Each family of paths is a module of operations (`products.py`); an operation names its path, who may call it and what
goes in and out, and is from that both served (`operations.py`) and described (`openapi.py`, at /api/openapi.json and,
for people, at /api/docs). Shapes stand in `schemas`, values become shapes in `presenters`, refusals become the
contract's errors in `refusals.py`. What was agreed with the old client stands in `tests/api/contract.yaml`.
"""
