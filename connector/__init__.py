"""Keep lifecycle stage and lead status true in HubSpot: the program, by its folders."""

__version__ = "0.1.0"
