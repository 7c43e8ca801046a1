"""The console command `cut`: a file for each sub-command, imported when it is called (`console.py` lists them)."""
