# The repository that deploys, as its stack's README tells to find it out:
# repository = "owner@1234/name@5678"
branch = "main"
