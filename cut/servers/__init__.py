"""The servers that a browser opens: who may use them, and what the page of visdom needs."""
