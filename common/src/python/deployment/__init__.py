"""Deploys a stack with Terraform: `bin/deploy.sh`. Finds problems before it changes anything."""
