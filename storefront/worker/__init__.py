"""The worker process: queue tasks and the handlers of outbox messages."""
