"""Backup and restore of the whole shop: a snapshot of its databases at one moment, its images, its generated key.

Copying databases one after the other is inconsistent in any order. Copied last, `checkout` refers to orders that
are missing; copied first, it lacks the record of orders that exist, which would never be resumed. A snapshot of one
moment is like a power failure: unfinished checkouts are completed or undone by the worker.
"""
