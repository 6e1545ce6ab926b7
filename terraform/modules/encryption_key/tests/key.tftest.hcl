mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "aws-ssm-fetcher-dev"
}

run "it_rotates_and_can_be_had_back" {
  command = apply

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30 && aws_kms_alias.this.name == "alias/aws-ssm-fetcher-dev"
    error_message = "A key rotates, and its deletion takes a month."
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.this.statement : length(statement.condition) > 0 if one(statement.principals).type == "Service"])
    error_message = "A service uses the key for this account only."
  }
}

run "a_name_of_awss_own" {
  command = plan

  variables {
    name = "aws/s3"
  }

  expect_failures = [var.name]
}

run "a_deletion_at_once" {
  command = plan

  variables {
    deletion_window_days = 1
  }

  expect_failures = [var.deletion_window_days]
}

run "what_must_stay_is_protected_by_terraform" {
  command = plan

  variables {
    prevent_destroy = true
  }

  assert {
    condition     = length(terraform_data.protection) == 1
    error_message = "Nothing refuses to delete it."
  }
}
