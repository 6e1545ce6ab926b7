"""Deploys stacks to the local cloud and checks them there: `bin/deploy.sh --local --prove`."""
