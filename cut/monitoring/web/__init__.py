"""The page of a run, `web/index.html` in its folder: written from events, redrawn by its own scripts in the browser."""
