"""What is decided: who gets what, what has ended, what is written next.

Pure and synchronous: no I/O, no clock, no logging, no randomness; the standard library's data types only. Time is an
argument (`model.Now`), every answer is a value. The other packages observe the world for it and carry out what it asks.
"""
