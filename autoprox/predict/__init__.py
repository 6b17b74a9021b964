"""Predictors: scikit-learn estimators that are fitted to labels.

parzc/   a learned aggregator of node statistics
"""
