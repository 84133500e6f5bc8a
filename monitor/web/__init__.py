"""What people and programs look at: pages, metrics, API, feed, health. Reads, never decides."""
