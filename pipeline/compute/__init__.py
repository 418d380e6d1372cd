"""Where the work runs: processes of this machine or a Dask cluster, and the arithmetic they agree on."""
