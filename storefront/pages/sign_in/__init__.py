"""Sign-in, registration, lost passwords and security settings."""
