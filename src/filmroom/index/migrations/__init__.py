"""The schema's history, one numbered step a file, run by Alembic."""
