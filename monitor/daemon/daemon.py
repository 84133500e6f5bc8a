"""The daemon: opens its store, runs until it is stopped, and shuts down in order."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping

from monitor.alerting.recording import Recorded
from monitor.config import Config
from monitor.daemon.metrics import Metrics
from monitor.daemon.running import Running, unless
from monitor.daemon.runtime import Hosts, Monitor, open_channels, require_tls
from monitor.daemon.shared_calls import SharedCalls
from monitor.daemon.systemd import Systemd
from monitor.log.lines import Redaction
from monitor.store.writer import Store

log = logging.getLogger(__name__)


class Daemon:
    """The daemon with its signals. `on_recorded` is called with each poll after its commit."""

    def __init__(
        self,
        config: Config,
        *,
        environ: Mapping[str, str],
        redact: Redaction,
        on_recorded: Callable[[Recorded], None] = lambda recorded: None,
    ) -> None:
        self._config = config
        self._environ = environ
        self._redact = redact
        self._on_recorded = on_recorded
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self.metrics = Metrics()

    def stop(self) -> None:
        """Let `run` end in order."""
        self._stop.set()

    async def run(self) -> None:
        """Run until stopped by `stop`, SIGTERM or SIGINT. SIGHUP reloads the configuration.

        Raises ConfigError or StoreError if it cannot start, and StoreReplaced if it cannot continue."""
        self._redact.set(self._config.secrets)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._reload.set)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        require_tls(self._config)
        # before the store is opened, so that a refused URL leaves it untouched
        config, notifiers = open_channels(self._config)
        systemd = Systemd(self._environ)
        store = await unless(self._stop, asyncio.to_thread(Store, config.store.path, self.metrics.committed))
        if store is None:
            systemd.stopping()
            log.info("stopped while the store was being opened")
            return
        hosts = Hosts(SharedCalls(store.write))
        running = Running(
            Monitor(config, notifiers, hosts),
            store,
            hosts=hosts,
            environ=self._environ,
            redact=self._redact,
            systemd=systemd,
            metrics=self.metrics,
            stop=self._stop,
            reload=self._reload,
            on_recorded=self._on_recorded,
        )
        await running.run()
