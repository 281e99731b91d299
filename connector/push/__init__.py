"""Write a plan to HubSpot: limits, send, verify, restore, finish, recover."""
