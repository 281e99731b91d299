"""The daemon: decides, asks and tells, and joins the rooms."""
