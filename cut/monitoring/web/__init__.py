"""The page of a run, `web/index.html` in its folder: written from the record, kept up to date by scripts in the browser."""
