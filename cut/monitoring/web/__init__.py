"""The page of a run, `web/index.html`: written from the record, and kept up to date by scripts in the browser."""
