"""Puzzles of several kinds; every module has make(), solve() and render()."""
