"""The WSGI entry point: `gunicorn wsgi:app`, `flask --app wsgi …`."""

import sys

from config import Config, ConfigurationError
from storefront import create_app

CANNOT_START = 3  # gunicorn gives up on this code; on any other it would start a process again and again

try:
    app = create_app(Config())
except ConfigurationError as error:
    sys.stderr.write(f"storefront: {error}\n")
    sys.exit(CANNOT_START)
