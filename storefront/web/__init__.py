"""HTTP code shared by the pages, the staff pages and the API."""
