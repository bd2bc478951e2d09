"""The JSON API: the paths of the legacy gateway, on top of the services that the pages use. It holds no business rules.

Each group of paths is a module of operations (`products.py`). An operation declares its path, its permission and its
input and output; from that it is served (`operations.py`) and documented (`openapi.py`, at /api/openapi.json, and as a
page at /api/docs). Schemas are in `schemas`, `presenters` build them from the services' values, `errors.py` maps domain
errors to the contract's codes. The contract with the legacy client is `tests/api/contract.yaml`.
"""
