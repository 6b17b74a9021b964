"""Benchmark tables: what architectures are judged by.

schema.py              the columns, their values, and the direction of each metric
table.py               reading a table: blocks, splits and tasks
checks.py              what a table has to fulfil, and what is derived where a user's table is shorter
splits.py, sealed.py   who may see what, and how often the sealed part was looked at
task.py                the batch on which statistics are computed
datasets/              images that come with packages
recipe.py, train.py    one training
sample.py, plan.py     which architectures, data sets and seeds
build.py, journal.py   many trainings, interrupted as often as one likes
ceiling.py, manifest.py   how far a table can be trusted
data/                  the embedded tables
"""
