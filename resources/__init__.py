"""What an asset asks from outside: model endpoints, images, tables, GPU, training launcher.

Imports neither `assets` nor `lwv_dagster`.
"""
