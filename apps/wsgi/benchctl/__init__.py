"""The test apps of benchctl in Python: twins of those in Go. Python 3.9, standard library."""
