"""E-mails, text messages, the worker's queue and the progress of its jobs."""
