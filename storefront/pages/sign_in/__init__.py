"""Pages of sign-in, registration, password reset and security settings."""
