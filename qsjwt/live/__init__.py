"""Talking to a Qlik server: requests and responses as values, and the one client that sends them.

A secret goes to the host that the user named and to no other; nothing here is imported for a token alone.
"""
