"""The database session and what every schema shares: outbox, audit log, pagination, migrations."""
