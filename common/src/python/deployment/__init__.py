"""Deploys a stack with Terraform, and checks before what would fail after: `bin/deploy.sh`."""
