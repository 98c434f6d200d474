"""What tests and bench share: servers, rows and texts made by hand. Imports assets, resources and lwv_dagster alone."""
