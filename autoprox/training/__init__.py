"""Training: from sampled architectures to a table of labels.

recipe.py, loop.py, train.py   one training
teacher.py, guidance.py        locality guidance by a teacher
sample.py, plan.py             which architectures, data sets and seeds
build.py, journal.py           many trainings, resumed after any interruption
device.py                      where they run
"""
