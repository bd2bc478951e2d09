"""What pages, desks and the API share."""
