"""Benchmark tables: what architectures are judged by.

schema.py              the columns, their values, and the direction of each metric
table.py               reading a table: blocks, splits and tasks
checks.py              what a table has to fulfil, and what is derived where a user's table is shorter
splits.py, sealed.py   who may see what, and how often the sealed part was looked at
judging.py, problem.py scores against the blocks of a table
ceiling.py, manifest.py   how far a table can be trusted
importers/             tables of other formats
data/                  the embedded tables
"""
