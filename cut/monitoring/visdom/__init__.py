"""The live plots of a run on a visdom server, and the files that the server's page needs."""
