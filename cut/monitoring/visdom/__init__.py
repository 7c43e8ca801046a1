"""The live plots of a run on a visdom server, and what that server's page needs."""
