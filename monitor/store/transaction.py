"""A transaction, and in it the queries of each aggregate, which take and return domain values."""

from sqlalchemy import Connection

from monitor.store.accounts import Accounts
from monitor.store.alerts import Alerts
from monitor.store.clock import ClockRecord
from monitor.store.configuration import Configuration
from monitor.store.hosts import Hosts
from monitor.store.housekeeping import Housekeeping
from monitor.store.memory import Memory
from monitor.store.outbox import Outbox
from monitor.store.readings import Readings
from monitor.store.summaries import Summaries


class Transaction:
    """A transaction of the store: the queries of each aggregate. Instants are aware UTC datetimes."""

    def __init__(self, connection: Connection, memory: Memory | None = None) -> None:
        """Bind the queries to a connection, and to what the writer remembers of earlier transactions (`memory`)."""
        self._db = connection
        memory = memory or Memory()
        self.clock = ClockRecord(connection, memory)
        self.accounts = Accounts(connection, memory)
        self.readings = Readings(connection, self.accounts, self.clock)
        self.outbox = Outbox(connection)
        self.alerts = Alerts(connection, memory, self.outbox)
        self.summaries = Summaries(connection, self.readings, self.alerts, self.outbox)
        self.hosts = Hosts(connection)
        self.configuration = Configuration(connection)
        self.housekeeping = Housekeeping(connection)
