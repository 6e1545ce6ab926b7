# The repository that deploys. terraform/stacks/github_oidc/README.md explains how to find its name:
# repository = "owner@1234/name@5678"
branch = "main"
