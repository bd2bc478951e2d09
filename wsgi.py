"""The WSGI entry point: `gunicorn wsgi:app`, `flask --app wsgi …`."""

import sys

from config import Config
from storefront import create_app
from storefront.core.environment import ConfigurationError

CANNOT_START = 3  # gunicorn stops on this exit code; after any other it would restart the process endlessly

try:
    app = create_app(Config())
except ConfigurationError as error:
    sys.stderr.write(f"storefront: {error}\n")
    sys.exit(CANNOT_START)
