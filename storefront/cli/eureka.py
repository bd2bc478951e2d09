"""`flask --app wsgi eureka`: make the old system's gateway route to this shop, by its Eureka server.

A process of its own beside each web server: gunicorn has several, and a server is registered once.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import click
import requests
from flask import current_app
from flask.cli import with_appcontext

CHECK_SECONDS = 5.0  # between two looks at the shop
RENEW_SECONDS = 30  # what Eureka expects of its clients
LEASE_SECONDS = 90  # after which Eureka forgets a server that renews no more
MAX_MISSES = 3  # looks at the shop without an answer, after which the gateway is to send nothing
ANSWER_SECONDS = 3.0

logger = logging.getLogger(__name__)


class EurekaUnavailable(Exception):
    """No Eureka server accepts the request."""


@dataclass(frozen=True, slots=True)
class Instance:
    """This shop under the name of one service of the old system.

    :ivar service: the name, as the routes of the gateway have it
    :ivar address: where the gateway reaches the shop, such as http://10.0.0.11:9090
    """

    service: str
    address: str

    @property
    def path(self) -> str:
        """Of the instance below Eureka's address."""
        return f"apps/{quote(self.service.upper())}/{quote(self.id)}"

    @property
    def id(self) -> str:
        """Eureka's id of the instance."""
        return f"{self._host}:{self.service.lower()}:{self._port}"

    def as_json(self) -> dict[str, Any]:
        """The body of a registration."""
        is_secure = self.address.startswith("https://")
        return {
            "instance": {
                "instanceId": self.id,
                "hostName": self._host,
                "ipAddr": self._host,
                "app": self.service.upper(),
                "vipAddress": self.service.lower(),
                "secureVipAddress": self.service.lower(),
                "status": "UP",
                "port": {"$": self._port, "@enabled": str(not is_secure).lower()},
                "securePort": {"$": self._port if is_secure else 443, "@enabled": str(is_secure).lower()},
                "homePageUrl": f"{self.address}/",
                "statusPageUrl": f"{self.address}/health",
                "healthCheckUrl": f"{self.address}/health",
                "dataCenterInfo": {
                    "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
                    "name": "MyOwn",
                },
                "leaseInfo": {"renewalIntervalInSecs": RENEW_SECONDS, "durationInSecs": LEASE_SECONDS},
                "metadata": {"management.port": str(self._port)},
            }
        }

    @property
    def _host(self) -> str:
        return urlsplit(self.address).hostname or ""

    @property
    def _port(self) -> int:
        parts = urlsplit(self.address)
        return parts.port or {"http": 80, "https": 443}[parts.scheme]


class EurekaServers:
    """Eureka's REST interface.

    :param urls: of the servers, which replicate each other: the first that answers is asked
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = [url.rstrip("/") for url in urls]

    def register(self, instance: Instance) -> None:
        """Add an instance, or replace it.

        :raise EurekaUnavailable: no server accepts it
        """
        self._ask("POST", instance.path.rpartition("/")[0], instance.as_json())

    def renew(self, instance: Instance) -> bool:
        """Prolong the lease of an instance.

        :return: False if Eureka does not know it (any more)
        :raise EurekaUnavailable: no server accepts it
        """
        return self._ask("PUT", instance.path) != requests.codes.not_found

    def deregister(self, instance: Instance) -> None:
        """Remove an instance; one that is not there is no error.

        :raise EurekaUnavailable: no server accepts it
        """
        self._ask("DELETE", instance.path)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> int:
        reason = ""
        for url in self._urls:
            try:
                status = requests.request(
                    method, f"{url}/{path}", json=body, timeout=ANSWER_SECONDS, allow_redirects=False
                ).status_code
            except requests.RequestException as error:
                reason = type(error).__name__  # its text may hold the password of the URL
                continue
            if status < 300 or (status == requests.codes.not_found and method != "POST"):
                return status
            reason = f"{method} is answered with {status}"
        raise EurekaUnavailable(reason)


class Registration:
    """The registration of one web server, kept true: it is there while the shop answers.

    :param is_shop_up: asks the web server
    :param clock: seconds that only grow
    """

    def __init__(
        self,
        servers: EurekaServers,
        instances: Sequence[Instance],
        is_shop_up: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers, self._is_shop_up, self._clock = servers, is_shop_up, clock
        self._renew_at = dict.fromkeys(instances, 0.0)
        self._registered: set[Instance] = set()
        self._misses = 0
        self._is_eureka_up = True

    def check(self) -> None:
        """Register, renew or withdraw, whatever is due. Eureka's absence is logged, and the next check tries again."""
        self._misses = 0 if self._is_shop_up() else self._misses + 1
        if self._misses >= MAX_MISSES:
            self.withdraw()
        elif not self._misses:
            self._keep_up()

    def withdraw(self) -> None:
        """Remove the instances from Eureka, so that its gateway sends nothing more here."""
        for instance in sorted(self._registered, key=lambda each: each.service):
            try:
                self._servers.deregister(instance)
            except EurekaUnavailable as error:  # Eureka forgets it when the lease ends
                self._note_absence(error)
                return
            self._registered.discard(instance)
            logger.warning("withdrawn from Eureka: %s", instance.service)

    def _keep_up(self) -> None:
        for instance, renew_at in self._renew_at.items():
            if instance in self._registered and self._clock() < renew_at:
                continue
            try:
                if instance not in self._registered or not self._servers.renew(instance):
                    self._servers.register(instance)
                    self._registered.add(instance)
                    logger.warning("registered at Eureka: %s", instance.service)
            except EurekaUnavailable as error:
                self._note_absence(error)
                return
            self._renew_at[instance] = self._clock() + RENEW_SECONDS
            self._is_eureka_up = True

    def _note_absence(self, error: EurekaUnavailable) -> None:
        if self._is_eureka_up:
            logger.error("Eureka is not available; trying again every %d seconds: %s", CHECK_SECONDS, error)
        self._is_eureka_up = False


def answers(address: str) -> bool:
    """Tell whether the web server at an address answers."""
    try:
        return requests.get(f"{address}/health/live", timeout=ANSWER_SECONDS).ok
    except requests.RequestException:
        return False


@click.command("eureka")
@with_appcontext
def eureka() -> None:
    """Register this machine's web server at the Eureka server of EUREKA_URL. Runs until it is stopped."""
    config = current_app.config
    if not config["EUREKA_URLS"]:
        raise click.ClickException("EUREKA_URL is not set: there is nothing to register at")
    address = config["EUREKA_ADDRESS"]
    instances = [Instance(service, address) for service in config["EUREKA_SERVICES"]]
    registration = Registration(EurekaServers(config["EUREKA_URLS"]), instances, lambda: answers(address))
    stopping = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)  # one that comes during a check waits for the end of it
    while True:
        registration.check()
        if signal.sigtimedwait(stopping, CHECK_SECONDS) is not None:
            break
    registration.withdraw()
