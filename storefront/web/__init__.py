"""What the pages, the staff's desks and the API share of HTTP."""
