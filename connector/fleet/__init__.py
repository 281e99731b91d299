"""Work on many portals from several machines: the worker, its jobs and their queue."""
