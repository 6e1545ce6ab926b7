"""`bin/run-local.sh`: runs the pipelines on this machine."""
