provider "aws" {
  region  = var.region
  profile = var.profile

  default_tags {
    tags = {
      Project     = "aws-ssm-fetcher"
      Environment = var.environment
      Stack       = "github_oidc"
      ManagedBy   = "terraform"
    }
  }
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  name    = "github-${var.environment}"
  account = data.aws_caller_identity.this.account_id
  issuer  = "token.actions.githubusercontent.com"

  provider_arn = var.reuse_existing_provider ? data.aws_iam_openid_connect_provider.github[0].arn : aws_iam_openid_connect_provider.github[0].arn

  # The subject of a token describes the job:
  # https://docs.github.com/en/actions/reference/security/oidc
  # A job has a single subject, so the tokens for one role are not valid for the other.
  subjects = {
    plan  = ["repo:${var.repository}:pull_request", "repo:${var.repository}:ref:refs/heads/${var.branch}"]
    apply = ["repo:${var.repository}:environment:${var.environment}"]
  }

  reading = [aws_iam_policy.read.arn, aws_iam_policy.read_pipelines.arn]
  writing = [aws_iam_policy.write.arn, aws_iam_policy.write_pipelines.arn, aws_iam_policy.write_access.arn]

  policies = {
    plan  = local.reading
    apply = concat(local.reading, local.writing)
  }
}

data "aws_iam_openid_connect_provider" "github" {
  count = var.reuse_existing_provider ? 1 : 0

  url = "https://${local.issuer}"
}

# No thumbprints are needed: AWS trusts the authority that issued GitHub's certificate.
resource "aws_iam_openid_connect_provider" "github" {
  count = var.reuse_existing_provider ? 0 : 1

  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  for_each = local.subjects

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [local.provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = each.value
    }

    # The subject of a job with an environment does not contain its branch.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
    dynamic "condition" {
      for_each = each.key == "apply" ? [1] : []

      content {
        test     = "StringEquals"
        variable = "${local.issuer}:ref"
        values   = ["refs/heads/${var.branch}"]
      }
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local.subjects

  name                 = "${local.name}-${each.key}"
  description          = each.key == "plan" ? "Pull requests of ${var.repository} see what would change" : "${var.repository} deploys to ${var.environment}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = var.session_minutes * 60
}

locals {
  attachments = merge([for role, policies in local.policies : { for index, arn in policies : "${role}-${index}" => { role = role, policy = arn } }]...)
}

resource "aws_iam_role_policy_attachment" "github" {
  for_each = local.attachments

  role       = aws_iam_role.github[each.value.role].name
  policy_arn = each.value.policy
}
