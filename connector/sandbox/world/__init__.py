"""An untidy world that fills a portal, the same for the same seed."""
