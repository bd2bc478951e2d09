"""The WSGI entry point: `gunicorn wsgi:app`, `flask --app wsgi …`."""

from config import Config
from storefront import create_app

app = create_app(Config())
