# The real provider creates the policy documents, which needs no AWS account. Resources are overridden.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.this
  values = {
    account_id = "123456789012"
  }
}

override_data {
  target = data.aws_iam_openid_connect_provider.github
  values = {
    arn = "arn:aws:iam::123456789012:oidc-provider/existing"
  }
}

override_resource {
  target = aws_iam_openid_connect_provider.github
  values = {
    arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
  }
}

override_resource {
  target = aws_iam_policy.boundary
  values = {
    arn = "arn:aws:iam::123456789012:policy/github-dev-boundary"
  }
}

override_resource {
  target = aws_iam_policy.read
  values = {
    arn = "arn:aws:iam::123456789012:policy/github-dev-read"
  }
}

override_resource {
  target = aws_iam_policy.read_pipelines
  values = {
    arn = "arn:aws:iam::123456789012:policy/github-dev-read-pipelines"
  }
}

override_resource {
  target = aws_iam_policy.write
  values = {
    arn = "arn:aws:iam::123456789012:policy/github-dev-write"
  }
}

override_resource {
  target = aws_iam_policy.write_pipelines
  values = {
    arn = "arn:aws:iam::123456789012:policy/github-dev-write-pipelines"
  }
}

override_resource {
  target = aws_iam_policy.write_access
  values = {
    arn = "arn:aws:iam::123456789012:policy/github-dev-write-access"
  }
}

override_resource {
  target = aws_iam_role.github
}

override_resource {
  target = aws_iam_role_policy_attachment.github
}

variables {
  environment = "dev"
  repository  = "some-owner/some-name"
}

run "pull_requests_and_the_branch_may_plan" {
  assert {
    condition = jsondecode(data.aws_iam_policy_document.trust["plan"].json).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = ["repo:some-owner/some-name:pull_request", "repo:some-owner/some-name:ref:refs/heads/main"]
      }
    }
    error_message = "The role for plans must accept only pull requests and the branch of the repository."
  }

  assert {
    condition     = [for key, attachment in aws_iam_role_policy_attachment.github : attachment.policy_arn if startswith(key, "plan-")] == [aws_iam_policy.read.arn, aws_iam_policy.read_pipelines.arn]
    error_message = "The role for plans must have the policies for reading only."
  }

  assert {
    condition = alltrue(flatten([
      for statement in concat(jsondecode(data.aws_iam_policy_document.read.json).Statement, jsondecode(data.aws_iam_policy_document.read_pipelines.json).Statement) : [
        for action in flatten([statement.Action]) : can(regex("^[a-z0-9]+:(Get|List|Describe|Validate)", action))
      ] if !contains(["StateLocks", "EncryptedSettings"], statement.Sid)
    ]))
    error_message = "The policies for reading may change only the locks of states."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.read.json).Statement :
      statement.Action == "kms:Decrypt" && length(statement.Condition.StringEquals["kms:ViaService"]) == 3
      if statement.Sid == "EncryptedSettings"
    ])
    error_message = "Only the services that store settings may decrypt them."
  }
}

run "only_the_environment_and_branch_may_deploy" {
  assert {
    condition = jsondecode(data.aws_iam_policy_document.trust["apply"].json).Statement[0].Condition == {
      StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:ref" = "refs/heads/main"
        "token.actions.githubusercontent.com:sub" = "repo:some-owner/some-name:environment:dev"
      }
    }
    error_message = "The role for deployments must accept only the environment and branch of the repository."
  }

  assert {
    condition     = jsondecode(data.aws_iam_policy_document.trust["apply"].json).Statement[0].Principal == { Federated = aws_iam_openid_connect_provider.github[0].arn }
    error_message = "The role must accept only GitHub's tokens."
  }
}

run "trusts_no_other_repository_branch_or_environment" {
  variables {
    environment = "prod"
    repository  = "some-owner@12/some-name@345"
    branch      = "release"
  }

  assert {
    condition     = output.trusted_subjects["apply"] == ["repo:some-owner@12/some-name@345:environment:prod"]
    error_message = "Only jobs of the environment prod may deploy to production."
  }

  assert {
    condition = alltrue([
      for role in ["plan", "apply"] : alltrue([
        for other in ["other-owner", "other-name", "some-owner/", "refs/heads/main", "environment:dev", "StringLike", "*"] :
        !strcontains(data.aws_iam_policy_document.trust[role].json, other)
      ])
    ])
    error_message = "A trust policy contains another repository, branch or environment."
  }
}

run "requires_the_permissions_boundary" {
  assert {
    condition = alltrue([
      for statement in jsondecode(data.aws_iam_policy_document.write_access.json).Statement :
      try(statement.Condition.StringEquals["iam:PermissionsBoundary"], "") == aws_iam_policy.boundary.arn
      if length(setintersection(flatten([statement.Action]), ["iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"])) > 0
    ])
    error_message = "Roles could be created or get policies without the boundary."
  }

  # The roles for GitHub may not change themselves.
  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(data.aws_iam_policy_document.write_access.json).Statement : [
        for resource in flatten([statement.Resource]) : can(regex(":role/(aws-ssm-fetcher|event-log|patch-tracker)-dev-\\*$", resource))
      ]
    ]))
    error_message = "Other roles than those of the stacks could be changed."
  }
}

# The roles have no access to other keys in the account.
run "uses_only_keys_with_all_tags_of_a_stack" {
  assert {
    condition = alltrue(flatten([
      for document in [data.aws_iam_policy_document.read, data.aws_iam_policy_document.write, data.aws_iam_policy_document.boundary] : [
        for statement in jsondecode(document.json).Statement :
        length([for tag in ["Environment", "ManagedBy", "Project"] : tag if can(statement.Condition.StringEquals["aws:ResourceTag/${tag}"])]) == 3
        if anytrue([for action in flatten([statement.Action]) : startswith(action, "kms:")]) && !contains(["AliasesOfKeys", "Lists"], statement.Sid)
      ]
    ]))
    error_message = "A statement allows keys without all tags."
  }

  assert {
    condition = alltrue([
      for document in [data.aws_iam_policy_document.write, data.aws_iam_policy_document.write_pipelines, data.aws_iam_policy_document.write_access] : alltrue([
        for action in ["kms:CreateKey", "kms:TagResource", "kms:UntagResource", "kms:ScheduleKeyDeletion"] : !strcontains(document.json, action)
      ])
    ])
    error_message = "The roles could create, tag or delete keys."
  }
}

run "can_use_layers_of_other_accounts" {
  variables {
    external_layer_arns = ["arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:7"]
    source_kms_key_arn  = "arn:aws:kms:us-east-1:123456789012:key/events"
  }

  assert {
    condition     = strcontains(data.aws_iam_policy_document.read_pipelines.json, var.external_layer_arns[0]) && strcontains(data.aws_iam_policy_document.boundary.json, var.source_kms_key_arn)
    error_message = "The layer or the key cannot be used."
  }
}

run "rejects_a_pattern_of_layers" {
  command = plan

  variables {
    external_layer_arns = ["arn:aws:lambda:us-east-1:017000801446:layer:*"]
  }

  expect_failures = [var.external_layer_arns]
}

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
run "policies_are_short_enough_for_iam" {
  variables {
    environment   = "staging"
    source_bucket = "event-files-in-another-stack"

    source_kms_key_arn  = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
    external_layer_arns = [for number in range(4) : "arn:aws:lambda:us-east-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python312-x86_64:${number}"]
  }

  assert {
    condition = max([
      for document in [
        data.aws_iam_policy_document.boundary,
        data.aws_iam_policy_document.read,
        data.aws_iam_policy_document.read_pipelines,
        data.aws_iam_policy_document.write,
        data.aws_iam_policy_document.write_access,
        data.aws_iam_policy_document.write_pipelines,
      ] : length(jsonencode(jsondecode(document.json)))
    ]...) <= 6144
    error_message = "A policy is longer than 6144 characters."
  }
}

run "can_reuse_the_identity_provider" {
  variables {
    reuse_existing_provider = true
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && strcontains(data.aws_iam_policy_document.trust["plan"].json, "oidc-provider/existing")
    error_message = "The existing identity provider is not used."
  }
}

run "rejects_all_repositories_of_an_owner" {
  command = plan

  variables {
    repository = "some-owner/*"
  }

  expect_failures = [var.repository]
}

run "rejects_all_branches" {
  command = plan

  variables {
    branch = "*"
  }

  expect_failures = [var.branch]
}

run "rejects_an_unknown_environment" {
  command = plan

  variables {
    environment = "local"
  }

  expect_failures = [var.environment]
}

run "rejects_an_id_for_one_name_only" {
  command = plan

  variables {
    repository = "some-owner@12/some-name"
  }

  expect_failures = [var.repository]
}
