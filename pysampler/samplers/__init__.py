"""Samplers: who hands out a table's draws, pass after pass and rank by rank."""
